/** Streets with their lamps on the ground. */

import { Draped } from '../src/three/layers/draped';
import { Terrain } from '../src/three/layers/terrain';
import { startExample, tilesetOf } from './shared';

const { viewer, city } = await startExample();
viewer.use(new Terrain(tilesetOf(city, 'terrain')));
viewer.use(new Draped('roads', tilesetOf(city, 'roads'), true));
