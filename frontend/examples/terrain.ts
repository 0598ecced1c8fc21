/** The ground alone. */

import { Terrain } from '../src/three/layers/terrain';
import { startExample, tilesetOf } from './shared';

const { viewer, city } = await startExample();
viewer.use(new Terrain(tilesetOf(city, 'terrain')));
