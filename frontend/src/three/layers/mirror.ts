/** The city seen from under the water's surface, for the water to show: a second, smaller picture of the scene. */

import { HalfFloatType, Matrix4, PerspectiveCamera, Plane, Vector3, Vector4, WebGLRenderTarget, type Texture } from 'three';
import type { Plugin } from '../plugin';
import type { Viewer } from '../viewer';

// The picture's height; ripples blur it anyway.
const height_px = 400;
const hiddenLayers = ['water', 'green', 'roads', 'rail'];

export class Mirror implements Plugin {
  readonly #target = new WebGLRenderTarget(height_px, height_px, { type: HalfFloatType });
  readonly #camera = new PerspectiveCamera();
  #viewer: Viewer | null = null;
  #level: number | null = null;

  init(viewer: Viewer): void {
    this.#viewer = viewer;
  }

  get texture(): Texture {
    return this.#target.texture;
  }

  /** The lowest surface rules: rivers and the sea, not the pond on the hill. */
  learnLevel(y: number): void {
    this.#level = this.#level === null ? y : Math.min(this.#level, y);
  }

  update(): void {
    const viewer = this.#viewer;
    const level = this.#level;
    if (!viewer || level === null || viewer.camera.position.y <= level) return;
    this.#fit(viewer.camera.aspect);
    this.#aim(viewer.camera, level);
    const hidden = hiddenLayers.filter((name) => viewer.layer(name)?.visible);
    for (const name of hidden) viewer.showLayer(name, false);
    viewer.renderer.setRenderTarget(this.#target);
    viewer.renderer.clear();
    viewer.renderer.render(viewer.scene, this.#camera);
    viewer.renderer.setRenderTarget(null);
    for (const name of hidden) viewer.showLayer(name, true);
  }

  dispose(): void {
    this.#target.dispose();
  }

  #fit(aspect: number): void {
    const width = Math.round(height_px * aspect);
    if (this.#target.width !== width) this.#target.setSize(width, height_px);
  }

  /** The camera's mirror image; the picture comes out left to right reversed, which the water's shader undoes. */
  #aim(camera: PerspectiveCamera, level: number): void {
    const mirror = new Matrix4().set(1, 0, 0, 0, 0, -1, 0, 2 * level, 0, 0, 1, 0, 0, 0, 0, 1);
    const eye = new Vector3().setFromMatrixPosition(camera.matrixWorld);
    const ahead = camera.getWorldDirection(new Vector3()).add(eye);
    const up = new Vector3(0, 1, 0).transformDirection(camera.matrixWorld);
    this.#camera.position.copy(eye.applyMatrix4(mirror));
    this.#camera.up.set(up.x, -up.y, up.z);
    this.#camera.lookAt(ahead.applyMatrix4(mirror));
    this.#camera.updateMatrixWorld();
    this.#camera.projectionMatrix.copy(camera.projectionMatrix);
    this.#clipBelow(level);
    this.#camera.projectionMatrixInverse.copy(this.#camera.projectionMatrix).invert();
  }

  /**
   * Puts the near plane into the water's surface, so that nothing under it is drawn.
   *
   * Source: Eric Lengyel, Oblique View Frustum Depth Projection and Clipping, 2005.
   */
  #clipBelow(level: number): void {
    const plane = new Plane(new Vector3(0, 1, 0), -level + 0.5).applyMatrix4(this.#camera.matrixWorldInverse);
    const clip = new Vector4(plane.normal.x, plane.normal.y, plane.normal.z, plane.constant);
    const { elements: m } = this.#camera.projectionMatrix;
    const corner = new Vector4((Math.sign(clip.x) + m[8]) / m[0], (Math.sign(clip.y) + m[9]) / m[5], -1, (1 + m[10]) / m[14]);
    clip.multiplyScalar(2 / clip.dot(corner));
    m[2] = clip.x;
    m[6] = clip.y;
    m[10] = clip.z + 1;
    m[14] = clip.w;
  }
}
