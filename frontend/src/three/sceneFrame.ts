/**
 * Between places on Earth and the scene.
 *
 * The scene is the local frame at the city's origin as `ReorientationPlugin` lays it: x west, y up, z north.
 */

import { Vector3 } from 'three';
import { LocalFrame, type Place, type Vec3 } from '../core/geodesy';

export class SceneFrame {
  readonly #local: LocalFrame;

  constructor(readonly origin: Place) {
    this.#local = new LocalFrame(origin);
  }

  sceneFromGeodetic(place: Place, into = new Vector3()): Vector3 {
    const [e, n, u] = this.#local.enuFromGeodetic(place);
    return into.set(-e, u, n);
  }

  geodeticFromScene(position: Vector3): Place {
    return this.#local.geodeticFromEnu([-position.x, position.z, position.y]);
  }
}

/** A direction in east, north, up turned into the scene's axes. */
export function sceneFromEnu([e, n, u]: Vec3, into = new Vector3()): Vector3 {
  return into.set(-e, u, n);
}
