/**
 * Rivers and sea: ripples, the sky by Fresnel's law, and the lights of the shore drawn out toward the eye.
 *
 * The shore is not drawn twice. The mirrored ray walks over the map of the city's glow, which knows how bright and
 * how high each place shines; where the quality allows, a real mirror image takes its place.
 */

import { common, outputChunk } from './common';
import { pullTowardEye } from './draped';

export const waterVertex =
  pullTowardEye +
  /* glsl */ `
varying vec3 vScene;
varying vec4 vClip;

void main() {
  vScene = (modelMatrix * vec4(position, 1.0)).xyz;
  vClip = projectionMatrix * pullTowardEye(modelViewMatrix * vec4(position, 1.0));
  gl_Position = vClip;
}
`;

export const waterFragment =
  common +
  /* glsl */ `
varying vec3 vScene;
varying vec4 vClip;
uniform sampler2D uRipples; // normals of small waves, rg
uniform sampler2D uMirror;
uniform float uMirrorOn;

vec2 ripple(vec2 position, float scale, vec2 drift) {
  return texture2D(uRipples, position / scale + drift * uTime).rg - 0.5;
}

// Lights that a mirror roughened by waves draws out toward the eye. Places are sampled on rings around the eye, so
// that every stretch of water on one line of sight shows the same lamps.
vec3 shoreLight(vec3 origin, vec3 ray) {
  vec2 heading = normalize(ray.xz + vec2(1e-5));
  float slope = ray.y / max(length(ray.xz), 1e-3);
  float way = length(origin.xz - cameraPosition.xz);
  float ring = max(0.0, ceil(log(way / 220.0) / 0.139));
  float azimuth = atan(heading.y, heading.x);
  vec3 sum = vec3(0.0);
  for (int hop = 0; hop < 12; hop++) {
    float distance_m = 220.0 * exp(0.139 * ring);
    vec3 glow = cityGlow(cameraPosition.xz + heading * distance_m);
    float beyond = max(distance_m - way, 12.0);
    // How far the waves must tilt from where a calm mirror would show this place.
    float tilt = max(0.0, slope - glow.g * 300.0 / beyond);
    float seen = exp(-tilt * tilt * 22.0) * exp(-beyond / 2200.0);
    vec4 dice = texture2D(uNoise, vec2(azimuth * 5.3, ring * 0.137 + 0.07));
    float lamp = smoothstep(0.42, 0.9, dice.r);
    vec3 tint = mix(vec3(1.0, 0.5, 0.17), vec3(1.0, 0.78, 0.52), dice.g);
    tint = mix(tint, vec3(0.3, 0.6, 1.0), smoothstep(0.56, 0.7, dice.b));
    tint = mix(tint, vec3(1.0, 0.16, 0.36), smoothstep(0.6, 0.72, dice.a) * glow.b);
    sum += tint * glow.r * seen * (0.12 + 2.6 * lamp * lamp);
    ring += 1.0;
  }
  return sum;
}

void main() {
  vec3 view = vScene - cameraPosition;
  float distance_m = length(view);
  view /= distance_m;
  vec2 waves = ripple(vScene.xz, 19.0, vec2(0.021, 0.013)) + 0.8 * ripple(vScene.xz.yx, 47.0, vec2(-0.012, 0.009));
  waves += 0.9 * ripple(vScene.xz, 210.0, vec2(0.0035, -0.003));
  // Far away a pixel holds many waves; what is left of them is a rougher mirror.
  float calm = 1.0 / (1.0 + distance_m / 1700.0);
  vec3 normal = normalize(vec3(waves.x * 0.22 * calm, 1.0, waves.y * 0.22 * calm));
  vec3 ray = reflect(view, normal);
  ray.y = abs(ray.y) + 0.01;

  float grazing = 1.0 - max(dot(-view, normal), 0.0);
  float fresnel = 0.025 + 0.9 * pow(grazing, 4.2);
  vec3 water = mix(vec3(0.075, 0.098, 0.078), vec3(0.002, 0.006, 0.011), uNight);
  vec3 colour = water * (uAmbientUp + uSunColour * max(uSunDir.y, 0.0) * 0.6 + uNight);
  vec3 sky = skyColour(normalize(vec3(ray.x, ray.y + 0.06, ray.z)));
  vec3 shore = vec3(0.0);
  if (uNight > 0.01) {
    // Waves tilt mostly toward and away from the eye, which draws every light out into a streak.
    vec2 across = vec2(-view.z, view.x) * (waves.x + 0.5 * waves.y) * 0.03;
    vec3 streak = normalize(vec3(view.x + across.x, -view.y, view.z + across.y));
    shore = shoreLight(vScene, streak) * uNight;
  }
  if (uMirrorOn > 0.5) {
    vec2 screen = vec2(-vClip.x, vClip.y) / vClip.w * 0.5 + 0.5;
    vec2 shift = vec2(waves.x * 0.012, waves.y * 0.075) * mix(0.6, 1.3, calm);
    vec3 image = texture2D(uMirror, clamp(screen + shift, 0.002, 0.998)).rgb;
    image += texture2D(uMirror, clamp(screen + shift * vec2(1.0, 2.3) + vec2(0.0, 0.012), 0.002, 0.998)).rgb;
    sky = image * 0.5;
    shore *= 0.35;
  }
  float sparkle = 0.55 + 0.9 * smoothstep(0.05, 0.35, abs(waves.x + waves.y) * (0.4 + calm));
  colour = mix(colour, sky, fresnel) + shore * sparkle * (0.2 + 0.85 * fresnel);
  vec3 halfway = normalize(uSunDir - view);
  colour += uSunColour * pow(max(dot(normal, halfway), 0.0), 220.0) * mix(1.6, 3.0, uNight);
  gl_FragColor = vec4(haze(colour, vScene), 1.0);
${outputChunk}}
`;
