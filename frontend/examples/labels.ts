/** Names over the ground. */

import { Api } from '../src/core/api';
import { Labels } from '../src/three/labels';
import { Terrain } from '../src/three/layers/terrain';
import { startExample, tilesetOf } from './shared';

const host = document.querySelector<HTMLElement>('#labels');
if (!host) throw new Error('the page lacks #labels');
const { viewer, city } = await startExample();
viewer.use(new Terrain(tilesetOf(city, 'terrain')));
const labels = new Labels(host, {
  chosen: (label) => {
    document.title = label.id;
  },
});
viewer.use(labels);
labels.set(await new Api().labels(), 'zh');
