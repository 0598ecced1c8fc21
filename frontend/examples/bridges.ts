/** Bridges over the water. */

import { Bridges } from '../src/three/layers/bridges';
import { Terrain } from '../src/three/layers/terrain';
import { Water } from '../src/three/layers/water';
import { startExample, tilesetOf } from './shared';

const { viewer, city } = await startExample();
viewer.use(new Terrain(tilesetOf(city, 'terrain')));
viewer.use(new Water(tilesetOf(city, 'water'), false));
viewer.use(new Bridges(tilesetOf(city, 'bridges')));
