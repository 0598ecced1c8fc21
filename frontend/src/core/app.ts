/** The page's one object: state, server and map, and what a user does with them. */

import { ApiError, isAbort, type Api } from './api';
import type { FlightTarget, MapCommands } from './map';
import type { State } from './state';
import type { SearchHit } from './types';
import { parseUrn } from './urn';

export class App {
  /** null until the viewer has started, or for ever where it cannot. */
  map: MapCommands | null = null;
  #request: AbortController | null = null;

  constructor(
    readonly state: State,
    readonly api: Api,
  ) {}

  /** Shows an object in the panel and on the map; its attributes follow when the server has answered. */
  async select(id: string, known?: { layer: string; index: number }): Promise<void> {
    this.#request?.abort();
    const request = new AbortController();
    this.#request = request;
    const layer = known?.layer ?? parseUrn(id)?.layer ?? '';
    this.state.selection.set({ id, layer, attributes: null });
    this.map?.highlight(known ?? null);
    try {
      const attributes = await this.api.object(id, request.signal);
      this.state.selection.set({ id, layer, attributes });
      if (typeof attributes.index === 'number') this.map?.highlight({ layer, index: attributes.index });
    } catch (cause) {
      if (!isAbort(cause)) this.fail(cause);
    }
  }

  clearSelection(): void {
    this.#request?.abort();
    this.state.selection.set(null);
    this.map?.highlight(null);
  }

  async goTo(hit: SearchHit): Promise<void> {
    const height_m = hit.height_m ?? 0;
    const target: FlightTarget = {
      lon: hit.lon,
      lat: hit.lat,
      ellipsoidal_height_m: hit.ellipsoidal_height_m,
      distance_m: distanceFor(hit.layer, height_m),
      // What is low stands among what is high: it is looked at from above.
      ...(hit.height_m !== null && height_m < lowest_m ? { pitch_deg: -58 } : {}),
    };
    await Promise.all([this.map?.flyTo(target), this.select(hit.id)]);
  }

  /** Tells the user that something did not work; the page goes on. */
  fail(cause: unknown): void {
    const known = cause instanceof ApiError || cause instanceof Error;
    this.state.notify(known ? cause.message : String(cause));
  }
}

const lowest_m = 60;

function distanceFor(layer: string, height_m: number): number {
  if (layer === 'districts') return 9000;
  if (layer === 'places') return 4200;
  if (layer === 'bridges') return 1800;
  return Math.max(380, height_m * 3.2);
}
