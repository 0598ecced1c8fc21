/** Buildings alone, standing on nothing. */

import { Buildings } from '../src/three/layers/buildings';
import { startExample, tilesetOf } from './shared';

const { viewer, city } = await startExample();
viewer.use(new Buildings(tilesetOf(city, 'buildings'), 0));
