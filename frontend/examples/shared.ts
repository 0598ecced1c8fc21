/** What the example pages share: a viewer for the city that the development server stands before. */

import { Api } from '../src/core/api';
import { spanOf } from '../src/core/extent';
import { readOptions } from '../src/core/options';
import type { CityInfo } from '../src/core/types';
import { viewOf } from '../src/three/cameraRig';
import { Sky } from '../src/three/layers/sky';
import { qualitySettings } from '../src/three/quality';
import { Viewer } from '../src/three/viewer';

export interface Example {
  viewer: Viewer;
  city: CityInfo;
}

/** A viewer with nothing but a sky, looking at the city's first view at the hour that the address asks for. */
export async function startExample(): Promise<Example> {
  const host = document.querySelector('main');
  if (!host) throw new Error('the page lacks its <main>');
  const options = readOptions(window.location.search, navigator.languages);
  const city = await new Api().city();
  const viewer = new Viewer({
    host,
    origin: city.origin,
    span_m: spanOf(city),
    quality: qualitySettings[options.quality ?? 'medium'],
    still: options.still,
  });
  viewer.atmosphere.setHour(options.hour);
  viewer.use(new Sky());
  const { home } = city;
  viewer.rig.set(viewOf(viewer.frame.sceneFromGeodetic(home), home.azimuth_deg, home.pitch_deg, home.distance_m));
  return { viewer, city };
}

/** The address of a tileset, or a clear word where the city has none. */
export function tilesetOf(city: CityInfo, name: string): string {
  const url = city.tilesets[name];
  if (url === undefined) throw new Error(`${city.name} has no ${name}`);
  return url;
}
