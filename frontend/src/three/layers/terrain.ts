/** Terrain: the ground that everything else is draped over. */

import { ShaderMaterial, Vector3, type Matrix4, type Mesh } from 'three';
import { positionsOf } from '../featureMesh';
import type { Plugin } from '../plugin';
import { groundFragment, groundVertex } from '../shaders/ground';
import type { Viewer } from '../viewer';

export class Terrain implements Plugin {
  #lowest = Infinity;

  constructor(private readonly url: string) {}

  init(viewer: Viewer): void {
    const material = new ShaderMaterial({
      vertexShader: groundVertex,
      fragmentShader: groundFragment,
      uniforms: { ...viewer.atmosphere.uniforms },
    });
    viewer.addTiles({
      name: 'terrain',
      url: this.url,
      errorTarget: 38,
      renderOrder: 0,
      material,
      prepare: (mesh, sceneFromMesh) => {
        if (!mesh.geometry.hasAttribute('normal')) mesh.geometry.computeVertexNormals();
        this.#settleMist(viewer, mesh, sceneFromMesh);
      },
    });
  }

  dispose(): void {
    this.#lowest = Infinity;
  }

  /** The mist lies on the lowest ground seen so far, near the origin: far away the Earth falls off. */
  #settleMist(viewer: Viewer, mesh: Mesh, sceneFromMesh: Matrix4): void {
    const positions = positionsOf(mesh);
    const at = new Vector3();
    for (let i = 0; i < positions.count; i += 1) {
      at.fromBufferAttribute(positions, i).applyMatrix4(sceneFromMesh);
      if (Math.hypot(at.x, at.z) < 8000) this.#lowest = Math.min(this.#lowest, at.y);
    }
    if (Number.isFinite(this.#lowest)) viewer.atmosphere.setHazeBase(this.#lowest);
  }
}
