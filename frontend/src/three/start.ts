/** Joins the map to the page's state, and shows tests what they need to see. */

import type { App } from '../core/app';
import { nameIn, text, textOr } from '../core/i18n';
import type { Options } from '../core/options';
import type { CityInfo } from '../core/types';
import { CityMap } from './cityMap';
import { listenToPicture } from './keyboard';
import { graphicsName, qualityFor } from './quality';

export interface MapHosts {
  picture: HTMLElement;
  labels: HTMLElement;
  /** What covers the picture. */
  panels: () => readonly DOMRect[];
}

/** Starts the map; null, with the obstacle in the state, where this browser has no WebGL 2. */
export function startMap(app: App, city: CityInfo, options: Options, hosts: MapHosts): CityMap | null {
  const graphics = graphicsName();
  if (graphics === null) {
    app.state.obstacle.set('noWebGL');
    return null;
  }
  const map = new CityMap(city, app, {
    host: hosts.picture,
    labelHost: hosts.labels,
    obstacles: hosts.panels,
    quality: options.quality ?? qualityFor(graphics),
    still: options.still,
  });
  follow(map, app, city);
  listenToPicture(map, app);
  watchLoading(map, app);
  void loadLabels(map, app);
  app.map = map;
  return map;
}

function follow(map: CityMap, app: App, city: CityInfo): void {
  const { state } = app;
  const name = (): void => {
    const title = nameIn(state.language.value, { name: city.title.zh, name_en: city.title.en }) ?? city.name;
    map.viewer.canvas.setAttribute('aria-label', text(state.language.value, 'mapLabel', { city: title }));
  };
  name();
  map.setHour(state.hour.value);
  state.hour.subscribe((hour) => {
    map.setHour(hour);
  });
  state.hiddenLayers.subscribe((hidden) => {
    map.hide(hidden);
  });
  state.language.subscribe((language) => {
    name();
    map.labels.translate(language);
  });
}

function watchLoading(map: CityMap, app: App): void {
  const { loading } = app.state;
  map.viewer.pictures.subscribe(() => {
    if (!loading.value.firstPictureShown && map.firstPictureShown) {
      performance.mark('shancheng:first-picture');
      loading.set({ ...loading.value, firstPictureShown: true });
    }
    for (const layer of map.viewer.layers) {
      const failure = layer.takeFailure();
      if (failure) app.state.notify(tilesFailed(app, layer.name, failure));
    }
  });
  map.viewer.progress.subscribe((progress) => {
    loading.set({ ...loading.value, progress });
  });
}

async function loadLabels(map: CityMap, app: App): Promise<void> {
  try {
    map.setLabels(await app.api.labels(), app.state.language.value);
  } catch (cause) {
    app.fail(cause);
  }
}

function tilesFailed(app: App, name: string, failure: Error): string {
  const language = app.state.language.value;
  return text(language, 'tilesFailed', { layer: textOr(language, `layer.${name}`, name), reason: failure.message });
}
