/** What the page's address may say: `?lang=zh|en&hour=21.5&quality=low|medium|high&still=1`. */

import type { Language, Quality } from './types';

export interface Options {
  language: Language;
  /** Local hour of the day, 0 to 24. */
  hour: number;
  /** null: chosen from the machine. */
  quality: Quality | null;
  /** Stops every animation, so that two pictures of one view are equal. */
  still: boolean;
}

// Half past eight in the evening: offices still work, homes are lit, the sky is dark.
const eveningHour = 20.5;

export function readOptions(query: string, languages: readonly string[], reducedMotion = false): Options {
  const parameters = new URLSearchParams(query);
  return {
    language: languageFrom(parameters.get('lang'), languages),
    hour: hourFrom(parameters.get('hour')),
    quality: qualityFrom(parameters.get('quality')),
    still: reducedMotion || parameters.get('still') === '1',
  };
}

function languageFrom(asked: string | null, languages: readonly string[]): Language {
  if (asked === 'zh' || asked === 'en') return asked;
  return languages[0]?.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

function hourFrom(asked: string | null): number {
  const hour = asked === null || asked.trim() === '' ? Number.NaN : Number(asked);
  return hour >= 0 && hour <= 24 ? hour : eveningHour;
}

function qualityFrom(asked: string | null): Quality | null {
  return asked === 'low' || asked === 'medium' || asked === 'high' ? asked : null;
}
