/** Texts of the page in the chosen language. */

import en from '../i18n/en.json';
import zh from '../i18n/zh.json';
import type { Language } from './types';

export type TextKey = keyof typeof en;

const texts: Record<Language, Record<TextKey, string>> = { zh, en };

/** The text of a key, its `{name}` places filled. */
export function text(language: Language, key: TextKey, values: Record<string, string | number> = {}): string {
  return texts[language][key].replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
}

/** The text of a computed key, or the fallback where no such text is written. */
export function textOr(language: Language, key: string, fallback: string): string {
  return key in texts[language] ? texts[language][key as TextKey] : fallback;
}

/** The name in the chosen language, else the other one. */
export function nameIn(language: Language, names: { name?: string | null; name_en?: string | null }): string | null {
  const local = names.name ?? null;
  const english = names.name_en ?? null;
  return language === 'en' ? (english ?? local) : (local ?? english);
}

export function formatCount(language: Language, count: number): string {
  return new Intl.NumberFormat(language === 'zh' ? 'zh-CN' : 'en-GB').format(count);
}

/** `20:30` of hour 20.5. */
export function formatHour(hour: number): string {
  const minutes = Math.round(hour * 60) % (24 * 60);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
