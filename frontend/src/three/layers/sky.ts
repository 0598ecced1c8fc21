/** The sky: a dome around the eye, drawn last where nothing else was. */

import { BackSide, Mesh, ShaderMaterial, SphereGeometry } from 'three';
import type { Plugin } from '../plugin';
import { skyFragment, skyVertex } from '../shaders/sky';
import type { Viewer } from '../viewer';

export class Sky implements Plugin {
  #dome: Mesh<SphereGeometry, ShaderMaterial> | null = null;

  init(viewer: Viewer): void {
    const material = new ShaderMaterial({
      vertexShader: skyVertex,
      fragmentShader: skyFragment,
      uniforms: { ...viewer.atmosphere.uniforms },
      side: BackSide,
      depthWrite: false,
    });
    const dome = new Mesh(new SphereGeometry(1, 32, 16), material);
    dome.renderOrder = 7;
    dome.frustumCulled = false;
    dome.raycast = () => undefined;
    dome.name = 'sky';
    viewer.scene.add(dome);
    this.#dome = dome;
  }

  dispose(): void {
    this.#dome?.removeFromParent();
    this.#dome?.geometry.dispose();
    this.#dome?.material.dispose();
    this.#dome = null;
  }
}
