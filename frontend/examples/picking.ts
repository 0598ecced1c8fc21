/** A click writes what stands under it into the page's title. */

import { Buildings } from '../src/three/layers/buildings';
import { Picking } from '../src/three/picking';
import { startExample, tilesetOf } from './shared';

const { viewer, city } = await startExample();
const buildings = new Buildings(tilesetOf(city, 'buildings'), 0);
viewer.use(buildings);
const picking = new Picking(viewer);
viewer.canvas.addEventListener('click', (event) => {
  const pick = picking.at(event.offsetX, event.offsetY);
  buildings.selected.value = pick?.index ?? -1;
  document.title = pick ? `${pick.layer} ${pick.localId}` : 'nothing here';
  viewer.invalidate();
});
