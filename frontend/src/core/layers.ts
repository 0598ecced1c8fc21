/** What the page says about the city's layers. */

import { provenances, type CityInfo, type Provenance } from './types';

export interface LayerRow {
  name: string;
  /** null where counting makes no sense. */
  count: number | null;
}

// As they are drawn, from the sky down; names come from the layers of points.
const order = ['buildings', 'bridges', 'roads', 'rail', 'water', 'green', 'terrain', 'landmarks', 'places', 'districts'];
const named = new Set(['landmarks', 'places', 'districts']);

/** The switches of a city: what has tiles, and what only has names. */
export function layerRows(city: CityInfo): LayerRow[] {
  const counts = new Map(city.layers.map((layer) => [layer.name, layer.count]));
  const names = new Set([...Object.keys(city.tilesets), ...[...counts.keys()].filter((name) => named.has(name))]);
  return [...names]
    .filter((name) => name === 'terrain' || (counts.get(name) ?? 0) > 0)
    .sort((p, q) => placeOf(p) - placeOf(q) || p.localeCompare(q))
    .map((name) => ({ name, count: counts.get(name) ?? null }));
}

function placeOf(name: string): number {
  const place = order.indexOf(name);
  return place === -1 ? order.length : place;
}

export interface Credit {
  attribution: string;
  url: string | null;
  layers: string[];
}

/** Whom to credit for the visible layers, each once. */
export function credits(city: CityInfo, hidden: ReadonlySet<string>): Credit[] {
  const found = new Map<string, Credit>();
  const sources = [{ name: 'terrain', ...city.terrain }, ...city.layers];
  for (const { name, attribution, attribution_url } of sources) {
    if (hidden.has(name) || attribution === '') continue;
    const url = safeUrl(attribution_url);
    const credit = found.get(attribution) ?? { attribution, url, layers: [] };
    credit.layers.push(name);
    found.set(attribution, credit);
  }
  return [...found.values()];
}

/** Only addresses that a browser may follow from data: `javascript:` and the like are none. */
export function safeUrl(url: string | null | undefined): string | null {
  return url !== null && url !== undefined && /^https?:\/\//i.test(url) ? url : null;
}

export interface Share {
  layer: string;
  total: number;
  counts: Record<Provenance, number>;
}

/** How many of each visible layer's features are surveyed, placed by hand or modelled. */
export function provenanceShares(city: CityInfo, hidden: ReadonlySet<string>): Share[] {
  const shares = city.layers
    .filter((layer) => layer.count > 0 && !hidden.has(layer.name))
    .map((layer) => ({ layer: layer.name, total: layer.count, counts: { ...layer.provenance } }));
  const terrain = provenances.find((name) => name === city.terrain.provenance);
  if (!terrain || hidden.has('terrain')) return shares;
  const counts = { surveyed: 0, approximate: 0, modelled: 0, [terrain]: 1 };
  return [{ layer: 'terrain', total: 1, counts }, ...shares];
}

/** The layers that rest mostly on each kind of evidence. */
export function layersByProvenance(shares: readonly Share[]): Record<Provenance, string[]> {
  const result: Record<Provenance, string[]> = { surveyed: [], approximate: [], modelled: [] };
  for (const share of shares) {
    const most = [...provenances].sort((p, q) => share.counts[q] - share.counts[p])[0];
    if (most) result[most].push(share.layer);
  }
  return result;
}
