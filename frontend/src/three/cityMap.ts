/** The city on the map: a viewer with the plugins that its tilesets ask for, and the commands of the page. */

import { Vector3 } from 'three';
import type { App } from '../core/app';
import type { Place } from '../core/geodesy';
import type { FlightTarget, MapCommands } from '../core/map';
import type { Options } from '../core/options';
import { spanOf } from '../core/extent';
import type { CityInfo, MapLabel, Quality } from '../core/types';
import { urn } from '../core/urn';
import { viewOf, type View } from './cameraRig';
import { Labels } from './labels';
import { Bridges } from './layers/bridges';
import { Buildings } from './layers/buildings';
import { Draped } from './layers/draped';
import { Sky } from './layers/sky';
import { Terrain } from './layers/terrain';
import { Water } from './layers/water';
import { Picking, type Pick } from './picking';
import { Bloom } from './postprocess';
import { qualitySettings } from './quality';
import { Viewer } from './viewer';

// How the eye comes to a place it flies to.
const arrivalPitch_deg = -24;

export interface CityMapOptions {
  still: boolean;
  host: HTMLElement;
  labelHost: HTMLElement;
  obstacles: () => readonly DOMRect[];
  quality: Quality;
}

export class CityMap implements MapCommands {
  readonly viewer: Viewer;
  readonly picking: Picking;
  readonly labels: Labels;
  readonly #city: CityInfo;
  readonly #still: boolean;
  #buildings: Buildings | null = null;
  #bridges: Bridges | null = null;

  constructor(city: CityInfo, app: App, options: CityMapOptions) {
    this.#city = city;
    this.#still = options.still;
    const quality = qualitySettings[options.quality];
    this.viewer = new Viewer({
      host: options.host,
      origin: city.origin,
      span_m: spanOf(city),
      quality,
      coarseness: coarsenessOf(city, options.quality),
      still: options.still,
    });
    this.picking = new Picking(this.viewer);
    this.labels = new Labels(options.labelHost, {
      chosen: (label) => void app.goTo({ ...label, height_m: null }),
      obstacles: options.obstacles,
    });
    this.#addLayers(city, quality.mirror, quality.lamps);
    if (quality.bloom) this.viewer.use(new Bloom());
    this.viewer.use(this.labels);
    this.viewer.rig.set(this.#homeView());
  }

  home(): void {
    void this.#go(this.#homeView());
  }

  async flyTo(target: FlightTarget): Promise<void> {
    const place = this.viewer.frame.sceneFromGeodetic(target);
    const { camera, controls } = this.viewer.rig;
    const sight = new Vector3().subVectors(controls.target, camera.position);
    const azimuth_deg = (Math.atan2(-sight.x, sight.z) * 180) / Math.PI;
    await this.#go(viewOf(place, azimuth_deg, target.pitch_deg ?? arrivalPitch_deg, target.distance_m ?? 900));
  }

  highlight(target: { layer: string; index: number } | null): void {
    if (this.#buildings) this.#buildings.selected.value = target?.layer === 'buildings' ? target.index : -1;
    if (this.#bridges) this.#bridges.selected.value = target?.layer === 'bridges' ? target.index : -1;
    this.viewer.invalidate();
  }

  setHour(hour: number): void {
    this.viewer.atmosphere.setHour(hour);
    this.viewer.invalidate();
  }

  hide(layers: ReadonlySet<string>): void {
    for (const layer of this.viewer.layers) layer.visible = !layers.has(layer.name);
    this.labels.hide(layers);
    this.viewer.invalidate();
  }

  /** The object under a point of the picture, with its id. */
  pickAt(x: number, y: number): (Pick & { id: string }) | null {
    const pick = this.picking.at(x, y);
    return pick && { ...pick, id: urn({ city: this.#city.name, layer: pick.layer, localId: pick.localId }) };
  }

  /** Where a place appears, in CSS pixels, or null behind the eye. */
  project(place: Place): { x: number; y: number } | null {
    const { camera, size } = this.viewer;
    const p = this.viewer.frame.sceneFromGeodetic(place).project(camera);
    return p.z > 1 ? null : { x: ((p.x + 1) / 2) * size.width, y: ((1 - p.y) / 2) * size.height };
  }

  /** Colours buildings by index: four bytes each, alpha says how much of the facade they replace. */
  colour(indices: Uint32Array, rgba: Uint8Array): void {
    this.#buildings?.colours.set(indices, rgba);
    this.viewer.invalidate();
  }

  setLabels(labels: readonly MapLabel[], language: Options['language']): void {
    this.labels.set(labels, language);
  }

  /** Terrain and, where the city has any, buildings are on the picture. */
  get firstPictureShown(): boolean {
    const shown = (name: string): boolean => {
      const layer = this.viewer.layer(name);
      return layer === null || layer.visibleTiles > 0 || layer.progress === 1;
    };
    return shown('terrain') && shown('buildings');
  }

  #go(view: View): Promise<void> {
    this.viewer.invalidate();
    if (!this.#still) return this.viewer.rig.fly(view);
    this.viewer.rig.set(view);
    return Promise.resolve();
  }

  #addLayers(city: CityInfo, mirror: boolean, lamps: boolean): void {
    const { tilesets } = city;
    const { viewer } = this;
    const count = countOf(city, 'buildings');
    viewer.use(new Sky());
    if (tilesets.terrain) viewer.use(new Terrain(tilesets.terrain));
    if (tilesets.green) viewer.use(new Draped('green', tilesets.green));
    if (tilesets.water) viewer.use(new Water(tilesets.water, mirror));
    if (tilesets.roads) viewer.use(new Draped('roads', tilesets.roads, lamps));
    if (tilesets.rail) viewer.use(new Draped('rail', tilesets.rail));
    if (tilesets.bridges) viewer.use((this.#bridges = new Bridges(tilesets.bridges)));
    if (tilesets.buildings) viewer.use((this.#buildings = new Buildings(tilesets.buildings, count)));
  }

  #homeView(): View {
    const { home } = this.#city;
    const target = this.viewer.frame.sceneFromGeodetic(home);
    return viewOf(target, home.azimuth_deg, home.pitch_deg, home.distance_m);
  }
}

// The screen-space errors of the layers are chosen for a city of this many buildings. A smaller one has less to
// load; of a larger one, where each view holds more, a weak machine draws a smaller share.
const fullSize = 20000;

function coarsenessOf(city: CityInfo, quality: Quality): number {
  const share = countOf(city, 'buildings') / fullSize;
  if (share < 1) return Math.max(0.15, share);
  return quality === 'low' ? Math.cbrt(share) : 1;
}

function countOf(city: CityInfo, name: string): number {
  return city.layers.find((layer) => layer.name === name)?.count ?? 0;
}
