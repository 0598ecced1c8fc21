/** Every building in a colour of its own, a new one on each click: one upload, no new tile. */

import { Buildings } from '../src/three/layers/buildings';
import { startExample, tilesetOf } from './shared';

const { viewer, city } = await startExample();
const count = city.layers.find((layer) => layer.name === 'buildings')?.count ?? 0;
const buildings = new Buildings(tilesetOf(city, 'buildings'), count);
viewer.use(buildings);
const indices = Uint32Array.from({ length: count }, (_, i) => i);

function recolour(): void {
  const rgba = crypto.getRandomValues(new Uint8Array(Math.min(count, 16000) * 4));
  buildings.colours.set(indices.subarray(0, rgba.length / 4), rgba);
  viewer.invalidate();
}

recolour();
viewer.canvas.addEventListener('click', recolour);
