/** An object's columns as rows of text. */

import { textOr } from './i18n';
import { safeUrl } from './layers';
import type { CityInfo, CityObject, Language } from './types';

export interface AttributeRow {
  key: string;
  value: string;
}

// Shown elsewhere in the panel, or of no use to a reader.
const omitted = new Set(['name', 'name_en', 'provenance', 'geometry', 'bbox', 'layer_name', 'attributes', 'attribution', 'attribution_url', 'licence']);
const first = ['kind', 'height_m', 'levels', 'min_height_m', 'height_provenance', 'roof_shape', 'accuracy_m'];
const last = ['source', 'valid_from', 'valid_to', 'index', 'id'];

/** Every column that has a value, in reading order. */
export function attributeRows(object: CityObject, language: Language): AttributeRow[] {
  return Object.entries(object)
    .filter(([key, value]) => !omitted.has(key) && value !== null && value !== undefined && value !== '')
    // A layer's own name is no attribute; a road's level above ground is.
    .filter(([key, value]) => key !== 'layer' || typeof value === 'number')
    .sort(([p], [q]) => placeOf(p) - placeOf(q))
    .map(([key, value]) => ({ key, value: format(key, value, language) }));
}

// A source may say anything; what is longer is cut here and stands whole in the API.
const mostSourceRows = 60;
const longestValue = 160;

/** What else the source says of an object, in its own words and order. */
export function sourceRows(object: CityObject): AttributeRow[] {
  const said = object.attributes;
  if (typeof said !== 'object' || said === null) return [];
  return Object.entries(said)
    .filter(([, value]) => value !== null && value !== '')
    .slice(0, mostSourceRows)
    .map(([key, value]) => ({ key: cut(key), value: cut(plain(value)) }));
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function cut(text: string): string {
  const characters = Array.from(text.slice(0, 2 * longestValue + 2));
  return characters.length > longestValue ? `${characters.slice(0, longestValue).join('')}…` : text;
}

function placeOf(key: string): number {
  if (first.includes(key)) return first.indexOf(key);
  if (last.includes(key)) return 200 + last.indexOf(key);
  return 100;
}

function format(key: string, value: unknown, language: Language): string {
  if (typeof value === 'number') return formatNumber(key, value, language);
  if (typeof value === 'boolean') return textOr(language, value ? 'yes' : 'no', String(value));
  if (key === 'roof_shape') return textOr(language, `roof.${String(value)}`, String(value));
  if (key === 'kind') return textOr(language, `kind.${String(value)}`, String(value));
  if (key === 'height_provenance') return textOr(language, `provenance.${String(value)}`, String(value));
  if (key.startsWith('valid_') && typeof value === 'string') return value.slice(0, 10);
  if (Array.isArray(value)) return value.map((entry) => format(key, entry, language)).join(', ');
  if (key === 'surfaces' && typeof value === 'object' && value !== null) return counts(value);
  return plain(value);
}

/** `RoofSurface 2, WallSurface 8` of the counts of both. */
function counts(surfaces: object): string {
  return Object.entries(surfaces)
    .map(([kind, count]) => `${kind} ${String(count)}`)
    .join(', ');
}

const units: Record<string, string> = { m: 'm', m2: 'm²', deg: '°', hz: 'Hz', dbm: 'dBm' };

/** A column's name ends in its unit. */
function formatNumber(key: string, value: number, language: Language): string {
  const unit = units[/_([a-z0-9]+)$/.exec(key)?.[1] ?? ''];
  const digits = unit ? 1 : 0;
  const number = Number.isInteger(value) && !unit ? String(value) : formatDigits(value, digits, language);
  return unit ? `${number} ${unit}` : number;
}

function formatDigits(value: number, digits: number, language: Language): string {
  return new Intl.NumberFormat(language === 'zh' ? 'zh-CN' : 'en-GB', { maximumFractionDigits: digits }).format(value);
}

export interface LayerOrigin {
  source: string;
  licence: string;
  attribution: string;
  url: string | null;
}

export function describeLayer(city: CityInfo, name: string): LayerOrigin | null {
  const layer = city.layers.find((entry) => entry.name === name);
  if (!layer) return null;
  return { source: layer.source, licence: layer.licence, attribution: layer.attribution, url: safeUrl(layer.attribution_url) };
}
