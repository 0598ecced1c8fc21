import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatHour, nameIn, text, textOr, type TextKey } from '../src/core/i18n';
import en from '../src/i18n/en.json';
import zh from '../src/i18n/zh.json';

const places = (value: string): string[] => [...value.matchAll(/\{\w+\}/g)].map(([place]) => place).sort();

describe('the two languages', () => {
  it('have the same keys', () => {
    expect(Object.keys(zh).sort()).toEqual(Object.keys(en).sort());
  });

  it('say something under every key', () => {
    for (const value of [...Object.values(zh), ...Object.values(en)]) expect(value.trim()).not.toBe('');
  });

  it('leave the same places to be filled', () => {
    for (const key of Object.keys(en) as TextKey[]) expect(places(zh[key]), key).toEqual(places(en[key]));
  });

  it('write Chinese in Chinese', () => {
    const exempt = new Set(['switchLanguage', 'switchLanguageLabel']);
    for (const [key, value] of Object.entries(zh)) if (!exempt.has(key)) expect(value, key).toMatch(/[\u4e00-\u9fff]/);
  });

  it('hold every key that a panel asks for', () => {
    const folder = join(import.meta.dirname, '../src/panels');
    const asked = readdirSync(folder).flatMap((file) =>
      [...readFileSync(join(folder, file), 'utf8').matchAll(/\bt\('([^']+)'/g)].map(([, key]) => key),
    );
    expect(asked.length).toBeGreaterThan(20);
    for (const key of asked) expect(Object.keys(en)).toContain(key);
  });
});

describe('text', () => {
  it('fills places and leaves unknown ones', () => {
    expect(text('en', 'searchCount', { count: 3 })).toBe('3 results');
    expect(text('zh', 'searchNothing', {})).toContain('{query}');
  });

  it('falls back where a computed key is not written', () => {
    expect(textOr('zh', 'layer.roads', 'x')).toBe('道路');
    expect(textOr('zh', 'layer.unheard_of', 'unheard_of')).toBe('unheard_of');
  });
});

describe('nameIn', () => {
  const both = { name: '解放碑', name_en: 'Jiefangbei' };

  it('prefers the chosen language and takes the other where it must', () => {
    expect(nameIn('zh', both)).toBe('解放碑');
    expect(nameIn('en', both)).toBe('Jiefangbei');
    expect(nameIn('en', { name: '解放碑', name_en: null })).toBe('解放碑');
    expect(nameIn('zh', { name: null, name_en: 'Pier' })).toBe('Pier');
    expect(nameIn('zh', {})).toBeNull();
  });
});

describe('formatHour', () => {
  it.each([
    [20.5, '20:30'],
    [0, '00:00'],
    [24, '00:00'],
    [7.999, '08:00'],
  ])('writes %d as %s', (hour, expected) => {
    expect(formatHour(hour)).toBe(expected);
  });
});
