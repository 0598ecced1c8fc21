/**
 * Where the city shines, as one small picture seen from above.
 *
 * Each loaded building and street adds its light to the cell it stands in. The ground, the water and the facades
 * read it: paved and lit ground, light that climbs the lower floors, lights mirrored in the rivers.
 */

import { ClampToEdgeWrapping, DataTexture, LinearFilter, RGBAFormat, UnsignedByteType, Vector3 } from 'three';

const size = 512;

// One large tower lit on a cell of about 40 m fills it.
const fullLight = 1;

export class GlowMap {
  readonly texture: DataTexture;
  /** West-south corner in scene x and z, and one over the side. */
  readonly frame: Vector3;
  readonly cell_m: number;
  readonly #light = new Float32Array(size * size);
  readonly #height = new Float32Array(size * size);
  readonly #neon = new Float32Array(size * size);
  readonly #bytes = new Uint8Array(size * size * 4);
  #stale = false;

  constructor(side_m: number) {
    this.cell_m = side_m / size;
    this.frame = new Vector3(-side_m / 2, -side_m / 2, 1 / side_m);
    this.texture = new DataTexture(this.#bytes, size, size, RGBAFormat, UnsignedByteType);
    this.texture.magFilter = LinearFilter;
    this.texture.minFilter = LinearFilter;
    this.texture.wrapS = ClampToEdgeWrapping;
    this.texture.wrapT = ClampToEdgeWrapping;
    this.texture.needsUpdate = true;
  }

  /** Adds light around a point, spread over `radius_m`; `light` 1 fills a whole cell. */
  add(x: number, z: number, light: number, options: { radius_m: number; height_m: number; neon?: number }): void {
    const cx = (x - this.frame.x) / this.cell_m - 0.5;
    const cz = (z - this.frame.y) / this.cell_m - 0.5;
    const reach = Math.max(1, options.radius_m / this.cell_m);
    const share = light / (reach * reach);
    for (let j = Math.ceil(cz - reach); j <= cz + reach; j += 1) {
      if (j < 0 || j >= size) continue;
      for (let i = Math.ceil(cx - reach); i <= cx + reach; i += 1) {
        if (i < 0 || i >= size) continue;
        const fall = 1 - Math.hypot(i - cx, j - cz) / reach;
        if (fall <= 0) continue;
        const k = j * size + i;
        this.#light[k] = (this.#light[k] ?? 0) + share * fall;
        this.#height[k] = Math.max(this.#height[k] ?? 0, options.height_m * Math.min(1, fall * 2));
        this.#neon[k] = Math.max(this.#neon[k] ?? 0, (options.neon ?? 0) * fall);
      }
    }
    this.#stale = true;
  }

  /** Writes what was added into the texture; true if there was anything new. */
  refresh(): boolean {
    if (!this.#stale) return false;
    this.#stale = false;
    for (let k = 0; k < size * size; k += 1) {
      // Saturates softly: the centre is bright, not white.
      this.#bytes[k * 4] = Math.round(255 * (1 - Math.exp(-(this.#light[k] ?? 0) / fullLight)));
      this.#bytes[k * 4 + 1] = Math.min(255, Math.round(((this.#height[k] ?? 0) / 300) * 255));
      this.#bytes[k * 4 + 2] = Math.min(255, Math.round((this.#neon[k] ?? 0) * 255));
    }
    this.texture.needsUpdate = true;
    return true;
  }

  dispose(): void {
    this.texture.dispose();
  }
}
