/** What the page is showing: one signal for each thing that can change. */

import type { Options } from './options';
import { Signal } from './signal';
import type { CityInfo, CityObject, Language } from './types';

/** The object that the panel describes; `attributes` is null until the server has answered. */
export interface Selection {
  id: string;
  layer: string;
  attributes: CityObject | null;
}

export interface Loading {
  /** 0 to 1. */
  progress: number;
  firstPictureShown: boolean;
}

export interface Notice {
  text: string;
  /** Counts up, so that the same text can be shown again. */
  serial: number;
}

export class State {
  readonly language: Signal<Language>;
  readonly hour: Signal<number>;
  readonly city = new Signal<CityInfo | null>(null);
  readonly hiddenLayers = new Signal<ReadonlySet<string>>(new Set());
  readonly selection = new Signal<Selection | null>(null);
  readonly loading = new Signal<Loading>({ progress: 0, firstPictureShown: false });
  readonly notice = new Signal<Notice | null>(null);
  readonly helpShown = new Signal(false);
  /** A reason why there is no picture at all: a text key. */
  readonly obstacle = new Signal<'noWebGL' | 'noCity' | null>(null);

  constructor(options: Pick<Options, 'language' | 'hour'>) {
    this.language = new Signal(options.language);
    this.hour = new Signal(options.hour);
  }

  toggleLayer(name: string): void {
    const hidden = new Set(this.hiddenLayers.value);
    if (!hidden.delete(name)) hidden.add(name);
    this.hiddenLayers.set(hidden);
  }

  notify(text: string): void {
    this.notice.set({ text, serial: (this.notice.value?.serial ?? 0) + 1 });
  }

  /** Every signal, for panels that redraw on any change. */
  all(): readonly Signal<never>[] {
    return Object.values(this).filter((field): field is Signal<never> => field instanceof Signal);
  }
}
