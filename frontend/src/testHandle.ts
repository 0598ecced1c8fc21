/** `window.shancheng`: what a browser test, or a curious person at the console, may ask and do. */

import type { App } from './core/app';
import type { FlightTarget } from './core/map';
import type { Language } from './core/types';
import type { CityMap } from './three/cityMap';
import type { Stats, Viewer } from './three/viewer';

export interface TestHandle {
  /** Resolves once the map has drawn its first picture; rejects where there will be none. */
  ready: Promise<void>;
  /** Milliseconds from the start of navigation to the first picture with ground and buildings, or null. */
  readonly firstPicture: number | null;
  stats(): Stats;
  /** All tiles of the view loaded and shown. */
  idle(): Promise<void>;
  pickAt(x: number, y: number): { id: string; layer: string; index: number } | null;
  select(id: string): Promise<void>;
  flyTo(target: FlightTarget): Promise<void>;
  /** Where a place appears, in CSS pixels, or null behind the eye. */
  project(lon: number, lat: number, ellipsoidal_height_m: number): { x: number; y: number } | null;
  setHour(hour: number): void;
  setLanguage(language: Language): void;
  colour(indices: number[], rgba: number[]): void;
  app: App;
  viewer: Viewer | null;
}

declare global {
  interface Window {
    shancheng?: TestHandle;
  }
}

export function exposeHandle(app: App, map: Promise<CityMap>): void {
  let started: CityMap | null = null;
  const need = (): CityMap => {
    if (!started) throw new Error('the map has not started: await shancheng.ready');
    return started;
  };
  const ready = map.then(async (value) => {
    started = value;
    while (!app.state.loading.value.firstPictureShown) await value.viewer.nextPicture();
  });
  // Whoever awaits `ready` hears of a failure; nobody has to.
  ready.catch(() => undefined);
  window.shancheng = {
    ready,
    get firstPicture() {
      return performance.getEntriesByName('shancheng:first-picture')[0]?.startTime ?? null;
    },
    stats: () => need().viewer.stats(),
    idle: () => need().viewer.idle(),
    pickAt: (x, y) => need().pickAt(x, y),
    select: (id) => app.select(id),
    flyTo: (target) => need().flyTo(target),
    project: (lon, lat, ellipsoidal_height_m) => need().project({ lon, lat, ellipsoidal_height_m }),
    setHour: (hour) => {
      app.state.hour.set(hour);
    },
    setLanguage: (language) => {
      app.state.language.set(language);
    },
    colour: (indices, rgba) => {
      need().colour(Uint32Array.from(indices), Uint8Array.from(rgba));
    },
    app,
    get viewer() {
      return started?.viewer ?? null;
    },
  };
}
