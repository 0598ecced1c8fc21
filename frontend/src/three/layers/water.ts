/** Water: one moving, mirroring surface for rivers, lakes and the sea. */

import { ShaderMaterial, Vector3, type Matrix4, type Mesh } from 'three';
import { positionsOf } from '../featureMesh';
import type { Plugin } from '../plugin';
import { waterFragment, waterVertex } from '../shaders/water';
import { rippleTexture } from '../textures';
import type { Viewer } from '../viewer';
import { Mirror } from './mirror';

export class Water implements Plugin {
  readonly #ripples = rippleTexture();
  readonly #mirror: Mirror | null;

  constructor(
    private readonly url: string,
    withMirror: boolean,
  ) {
    this.#mirror = withMirror ? new Mirror() : null;
  }

  init(viewer: Viewer): void {
    this.#mirror?.init(viewer);
    const material = new ShaderMaterial({
      vertexShader: waterVertex,
      fragmentShader: waterFragment,
      uniforms: {
        ...viewer.atmosphere.uniforms,
        uRipples: { value: this.#ripples },
        uMirror: { value: this.#mirror?.texture ?? null },
        uMirrorOn: { value: this.#mirror ? 1 : 0 },
      },
      depthWrite: false,
    });
    viewer.addTiles({
      name: 'water',
      url: this.url,
      errorTarget: 20,
      renderOrder: 2,
      material,
      prepare: (mesh, sceneFromMesh) => {
        this.#mirror?.learnLevel(levelOf(mesh, sceneFromMesh));
      },
    });
  }

  update(): void {
    this.#mirror?.update();
  }

  dispose(): void {
    this.#ripples.dispose();
    this.#mirror?.dispose();
  }
}

/** Median height of a tile's water. */
function levelOf(mesh: Mesh, sceneFromMesh: Matrix4): number {
  const positions = positionsOf(mesh);
  const at = new Vector3();
  const heights = Float64Array.from({ length: positions.count }, (_, i) => at.fromBufferAttribute(positions, i).applyMatrix4(sceneFromMesh).y);
  heights.sort();
  return heights[heights.length >> 1] ?? 0;
}
