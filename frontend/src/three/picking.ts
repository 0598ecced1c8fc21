/** Which object stands under a point of the picture. */

import { Raycaster, Vector2, type Intersection, type Mesh, type Object3D, type Vector3 } from 'three';
import { featureIdsOf } from './featureMesh';
import { PropertyTable } from './propertyTable';
import type { TileLayer } from './tileLayer';
import type { Viewer } from './viewer';

export interface Pick {
  layer: string;
  localId: string;
  index: number;
  point: Vector3;
}

const solid = ['bridges', 'buildings'];
// What lies flat is asked in the order in which it is drawn, the topmost first.
const flat = ['rail', 'roads', 'water', 'green'];

export class Picking {
  readonly #raycaster = new Raycaster();

  constructor(private readonly viewer: Viewer) {}

  /** Coordinates in CSS pixels from the picture's upper left corner. */
  at(x: number, y: number): Pick | null {
    const { width, height } = this.viewer.size;
    this.#raycaster.setFromCamera(new Vector2((x / width) * 2 - 1, 1 - (y / height) * 2), this.viewer.camera);
    const ground_m = this.#hit('terrain')?.distance ?? Infinity;
    const nearest = solid
      .map((name) => ({ name, hit: this.#hit(name) }))
      .filter((found) => found.hit !== null && found.hit.distance <= ground_m)
      .sort((p, q) => (p.hit?.distance ?? 0) - (q.hit?.distance ?? 0))[0];
    if (nearest?.hit) return pickFrom(nearest.name, nearest.hit);
    for (const name of flat) {
      const hit = this.#hit(name);
      // Draped layers are drawn a little nearer than they are; terrain levels differ by metres.
      if (hit && hit.distance <= ground_m * 1.01 + 5) return pickFrom(name, hit);
    }
    return null;
  }

  #hit(name: string): Intersection | null {
    const layer = this.viewer.layer(name);
    if (!layer?.visible) return null;
    return firstHit(this.#raycaster, layer);
  }
}

function firstHit(raycaster: Raycaster, layer: TileLayer): Intersection | null {
  return raycaster.intersectObject(layer.group, true)[0] ?? null;
}

function pickFrom(layer: string, hit: Intersection): Pick | null {
  const mesh = hit.object;
  if (!isMesh(mesh)) return null;
  const ids = featureIdsOf(mesh.geometry);
  const table = PropertyTable.of(mesh);
  if (!ids || !table || !hit.face) return null;
  const row = ids.getX(hit.face.a);
  const localId = table.text('id', row);
  if (localId === null) return null;
  return { layer, localId, index: table.numbers('index')?.[row] ?? row, point: hit.point };
}

function isMesh(object: Object3D): object is Mesh {
  return 'isMesh' in object;
}
