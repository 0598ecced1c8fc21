/** Water that mirrors the buildings on its shore. */

import { Buildings } from '../src/three/layers/buildings';
import { Terrain } from '../src/three/layers/terrain';
import { Water } from '../src/three/layers/water';
import { startExample, tilesetOf } from './shared';

const { viewer, city } = await startExample();
viewer.use(new Terrain(tilesetOf(city, 'terrain')));
viewer.use(new Water(tilesetOf(city, 'water'), true));
viewer.use(new Buildings(tilesetOf(city, 'buildings'), 0));
