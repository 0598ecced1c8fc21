/** Bridges: decks and towers, floodlit by night. */

import { ShaderMaterial, type IUniform, type Matrix4, type Mesh } from 'three';
import { featureBoxes, spread } from '../featureMesh';
import type { Plugin } from '../plugin';
import { PropertyTable } from '../propertyTable';
import { bridgeFragment, bridgeVertex } from '../shaders/bridge';
import type { Viewer } from '../viewer';

export class Bridges implements Plugin {
  readonly selected: IUniform<number> = { value: -1 };

  constructor(private readonly url: string) {}

  init(viewer: Viewer): void {
    const { atmosphere } = viewer;
    const material = new ShaderMaterial({
      vertexShader: bridgeVertex,
      fragmentShader: bridgeFragment,
      uniforms: { ...atmosphere.uniforms, uSelected: this.selected },
    });
    viewer.addTiles({
      name: 'bridges',
      url: this.url,
      errorTarget: 16,
      renderOrder: 5,
      material,
      prepare,
    });
  }

  dispose(): void {
    this.selected.value = -1;
  }
}

function prepare(mesh: Mesh, sceneFromMesh: Matrix4): void {
  const table = PropertyTable.of(mesh);
  const count = table?.count ?? 1;
  const boxes = featureBoxes([mesh], sceneFromMesh, count);
  const indices = table?.numbers('index');
  const place = new Float32Array(count * 4);
  const index = new Float32Array(count);
  for (let row = 0; row < count; row += 1) {
    const low = boxes[row * 6 + 1] ?? 0;
    index[row] = indices?.[row] ?? row;
    place.set([((index[row] ?? 0) * 0.618034) % 1, 0, low, (boxes[row * 6 + 4] ?? 0) - low], row * 4);
  }
  mesh.geometry.setAttribute('aPlace', spread(mesh, place, 4));
  mesh.geometry.setAttribute('aIndex', spread(mesh, index, 1));
}
