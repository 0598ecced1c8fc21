/** The light of the hour as uniforms that every material shares by reference. */

import { Color, Vector3, Vector4, type IUniform } from 'three';
import { daylightAt, litShare, showLight } from '../core/daylight';
import type { Vec3 } from '../core/geodesy';
import { GlowMap } from './glowMap';
import { sceneFromEnu } from './sceneFrame';
import { noiseTexture } from './textures';

// Mist lies in the valleys: it thins by two thirds in this many metres.
const hazeScaleHeight_m = 210;

// A wider map of the city's light would have cells larger than a block.
const farthestGlow_m = 30000;

export class Atmosphere {
  readonly glowMap: GlowMap;
  readonly #noise = noiseTexture();
  readonly #values = {
    uSunDir: { value: new Vector3(0, 1, 0) },
    uSunColour: { value: new Color() },
    uMoonDir: { value: new Vector3(0, 1, 0) },
    uZenith: { value: new Color() },
    uHorizon: { value: new Color() },
    uGlow: { value: new Color() },
    uAmbientUp: { value: new Color() },
    uAmbientDown: { value: new Color() },
    uHaze: { value: new Vector4(0, 0, 1 / hazeScaleHeight_m, 0) },
    uNight: { value: 0 },
    uShow: { value: 0 },
    uStars: { value: 0 },
    uTime: { value: 0 },
    uLit: { value: new Float32Array(6) },
  };
  readonly uniforms: Record<string, IUniform>;

  constructor(
    readonly latitude_deg: number,
    span_m: number,
  ) {
    this.glowMap = new GlowMap(Math.min(span_m, farthestGlow_m));
    this.uniforms = {
      ...this.#values,
      uGlowMap: { value: this.glowMap.texture },
      uGlowFrame: { value: this.glowMap.frame },
      uNoise: { value: this.#noise },
    };
  }

  get night(): number {
    return this.#values.uNight.value;
  }

  setHour(hour: number): void {
    const light = daylightAt(hour, this.latitude_deg);
    const values = this.#values;
    sceneFromEnu(light.sunDirection, values.uSunDir.value);
    sceneFromEnu(light.moonDirection, values.uMoonDir.value);
    colour(values.uSunColour.value, light.sunColour);
    colour(values.uZenith.value, light.zenith);
    colour(values.uHorizon.value, light.horizon);
    colour(values.uGlow.value, light.glow);
    colour(values.uAmbientUp.value, light.ambientUp);
    colour(values.uAmbientDown.value, light.ambientDown);
    values.uHaze.value.x = light.hazeDensity;
    values.uHaze.value.w = light.hazeDensity * 0.16;
    values.uNight.value = light.night;
    values.uStars.value = light.stars;
    values.uShow.value = showLight(hour);
    for (let group = 0; group < 6; group += 1) values.uLit.value[group] = litShare(group, hour);
  }

  setTime(time_s: number): void {
    this.#values.uTime.value = time_s;
  }

  /** The height in the scene where the mist lies: river or lowest ground. */
  setHazeBase(y: number): void {
    this.#values.uHaze.value.y = y;
  }

  dispose(): void {
    this.glowMap.dispose();
    this.#noise.dispose();
  }
}

function colour(into: Color, [r, g, b]: Vec3): void {
  into.setRGB(r, g, b);
}
