/**
 * A colour for every building, by its index: the door for whatever recolours the city.
 *
 * The texture holds one texel a building; alpha says how much of the facade it replaces. Only the rows that changed
 * go to the GPU.
 */

import { DataTexture, NearestFilter, RGBAFormat, UnsignedByteType, type IUniform } from 'three';

const width = 1024;

export class FeatureColours {
  readonly uniform: IUniform<DataTexture>;
  #bytes: Uint8Array<ArrayBuffer>;

  constructor(count: number) {
    this.#bytes = new Uint8Array(rowsFor(count) * width * 4);
    this.uniform = { value: makeTexture(this.#bytes) };
  }

  /** Makes room for an index; without it the index is not drawn in colour. */
  ensure(index: number): void {
    if (index * 4 < this.#bytes.length) return;
    const grown = new Uint8Array(rowsFor(index * 1.5) * width * 4);
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.uniform.value.dispose();
    this.uniform.value = makeTexture(grown);
  }

  /** Gives buildings colours: `rgba` holds four bytes for each index. */
  set(indices: Uint32Array, rgba: Uint8Array): void {
    let low = Infinity;
    let high = -1;
    indices.forEach((index, i) => {
      this.ensure(index);
      this.#bytes.set(rgba.subarray(i * 4, i * 4 + 4), index * 4);
      low = Math.min(low, index);
      high = Math.max(high, index);
    });
    if (high >= 0) this.#upload(low, high);
  }

  clear(): void {
    this.#bytes.fill(0);
    this.#upload(0, this.#bytes.length / 4 - 1);
  }

  dispose(): void {
    this.uniform.value.dispose();
  }

  #upload(low: number, high: number): void {
    const texture = this.uniform.value;
    // three uploads each range as part of one row, so a range must not go on into the next.
    for (let row = Math.floor(low / width); row <= Math.floor(high / width); row += 1) {
      texture.addUpdateRange(row * width * 4, width * 4);
    }
    texture.needsUpdate = true;
  }
}

function rowsFor(count: number): number {
  return Math.max(1, Math.ceil((count + 1) / width));
}

function makeTexture(bytes: Uint8Array<ArrayBuffer>): DataTexture {
  const texture = new DataTexture(bytes, width, bytes.length / 4 / width, RGBAFormat, UnsignedByteType);
  texture.minFilter = NearestFilter;
  texture.magFilter = NearestFilter;
  texture.generateMipmaps = false;
  texture.needsUpdate = true;
  return texture;
}
