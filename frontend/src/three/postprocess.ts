/** What happens to the finished picture: light that spills over, by night more than by day. */

import { Vector2 } from 'three';
import { UnrealBloomPass } from 'three/addons/postprocessing/UnrealBloomPass.js';
import type { Plugin } from './plugin';
import type { Viewer } from './viewer';

export class Bloom implements Plugin {
  #pass: UnrealBloomPass | null = null;
  #viewer: Viewer | null = null;

  init(viewer: Viewer): void {
    this.#viewer = viewer;
    this.#pass = new HalfSizeBloom(new Vector2(256, 256), 0.2, 0.3, 0.85);
    viewer.renderer.setEffects([this.#pass]);
  }

  update(): void {
    if (!this.#pass || !this.#viewer) return;
    const { night } = this.#viewer.atmosphere;
    this.#pass.strength = 0.03 + 0.15 * night;
    this.#pass.threshold = 1.3 - 0.45 * night;
  }

  dispose(): void {
    this.#viewer?.renderer.setEffects([]);
    this.#pass?.dispose();
    this.#pass = null;
  }
}

/** Half the picture's size is enough for what is blurred anyway, and a quarter of the work. */
class HalfSizeBloom extends UnrealBloomPass {
  override setSize(width: number, height: number): void {
    super.setSize(Math.ceil(width / 2), Math.ceil(height / 2));
  }
}
