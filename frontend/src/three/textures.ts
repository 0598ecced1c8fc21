/** Small textures made at start: tiling noise and ripples. Deterministic, so pictures can be compared. */

import { DataTexture, LinearFilter, LinearMipmapLinearFilter, RepeatWrapping, RGBAFormat, UnsignedByteType } from 'three';

const size = 256;

/** Four independent channels of tiling noise with several octaves. */
export function noiseTexture(): DataTexture {
  const data = new Uint8Array(size * size * 4);
  for (let channel = 0; channel < 4; channel += 1) {
    const field = tilingNoise(channel + 1, [8, 16, 32, 64, 128]);
    for (let i = 0; i < field.length; i += 1) data[i * 4 + channel] = Math.round((field[i] ?? 0) * 255);
  }
  return tiling(data);
}

/** Slopes of small waves in red and green, 0.5 is level. */
export function rippleTexture(): DataTexture {
  const height = tilingNoise(9, [16, 32, 64, 128]);
  const data = new Uint8Array(size * size * 4);
  const at = (x: number, y: number): number => height[((y + size) % size) * size + ((x + size) % size)] ?? 0;
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      const i = (y * size + x) * 4;
      data[i] = slopeByte(at(x + 1, y) - at(x - 1, y));
      data[i + 1] = slopeByte(at(x, y + 1) - at(x, y - 1));
      data[i + 3] = 255;
    }
  }
  return tiling(data);
}

function slopeByte(slope: number): number {
  return Math.round(Math.min(255, Math.max(0, 127.5 + slope * 900)));
}

function tiling(data: Uint8Array<ArrayBuffer>): DataTexture {
  const texture = new DataTexture(data, size, size, RGBAFormat, UnsignedByteType);
  texture.wrapS = RepeatWrapping;
  texture.wrapT = RepeatWrapping;
  texture.magFilter = LinearFilter;
  texture.minFilter = LinearMipmapLinearFilter;
  texture.generateMipmaps = true;
  texture.anisotropy = 4;
  texture.needsUpdate = true;
  return texture;
}

/** Value noise that repeats at its edges, stretched to 0 … 1. */
function tilingNoise(seed: number, frequencies: readonly number[]): Float32Array {
  const sum = new Float32Array(size * size);
  frequencies.forEach((frequency, octave) => {
    const lattice = latticeOf(seed * 31 + octave, frequency);
    addOctave(sum, lattice, frequency, 0.55 ** octave);
  });
  let low = Infinity;
  let high = -Infinity;
  for (const value of sum) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return sum.map((value) => (value - low) / (high - low));
}

function addOctave(sum: Float32Array, lattice: Float32Array, frequency: number, weight: number): void {
  const at = (x: number, y: number): number => lattice[(y % frequency) * frequency + (x % frequency)] ?? 0;
  for (let y = 0; y < size; y += 1) {
    const v = (y / size) * frequency;
    const y0 = Math.floor(v);
    const fv = fade(v - y0);
    for (let x = 0; x < size; x += 1) {
      const u = (x / size) * frequency;
      const x0 = Math.floor(u);
      const fu = fade(u - x0);
      const top = at(x0, y0) * (1 - fu) + at(x0 + 1, y0) * fu;
      const bottom = at(x0, y0 + 1) * (1 - fu) + at(x0 + 1, y0 + 1) * fu;
      const i = y * size + x;
      sum[i] = (sum[i] ?? 0) + weight * (top * (1 - fv) + bottom * fv);
    }
  }
}

function latticeOf(seed: number, frequency: number): Float32Array {
  const random = mulberry32(seed);
  return Float32Array.from({ length: frequency * frequency }, random);
}

function fade(t: number): number {
  return t * t * (3 - 2 * t);
}

/** Tommy Ettinger's mulberry32: a small generator with a 32-bit state. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
