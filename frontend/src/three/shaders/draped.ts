/** What lies on the ground: green, streets and rails. Pulled toward the eye so that no terrain level hides it. */

import { common, outputChunk } from './common';

/** Moves a vertex along its line of sight: the picture stays, only the depth comes nearer. */
export const pullTowardEye = /* glsl */ `
vec4 pullTowardEye(vec4 view) {
  float distance_m = length(view.xyz);
  float pull = min(distance_m * 0.02 + 5.0, 55.0);
  return vec4(view.xyz * (1.0 - min(pull / max(distance_m, 1.0), 0.5)), 1.0);
}
`;

export const drapedVertex =
  pullTowardEye +
  /* glsl */ `
attribute vec4 aPaint; // colour by day, brightness by night
varying vec3 vScene;
varying vec4 vPaint;

void main() {
  vScene = (modelMatrix * vec4(position, 1.0)).xyz;
  vPaint = aPaint;
  gl_Position = projectionMatrix * pullTowardEye(modelViewMatrix * vec4(position, 1.0));
}
`;

const head = common + 'varying vec3 vScene;\nvarying vec4 vPaint;\n';

export const greenFragment =
  head +
  /* glsl */ `
void main() {
  vec4 fine = texture2D(uNoise, vScene.xz / 120.0);
  vec4 tiny = texture2D(uNoise, vScene.xz / 23.0);
  vec3 albedo = vPaint.rgb * mix(0.55, 1.25, fine.r * 0.6 + tiny.g * 0.4);
  vec3 normal = normalize(vec3(fine.b - 0.5 + (tiny.b - 0.5), 2.2, fine.a - 0.5 + (tiny.a - 0.5)));
  vec3 glow = cityGlow(vScene.xz);
  vec3 colour = albedo * (ambient(normal) + uSunColour * max(dot(normal, uSunDir), 0.0));
  colour += uNight * albedo * vec3(0.9, 0.75, 0.35) * glow.r * smoothstep(0.55, 0.8, tiny.r) * 1.4;
  gl_FragColor = vec4(haze(colour, vScene), 1.0);
${outputChunk}}
`;

export const streetFragment =
  head +
  /* glsl */ `
void main() {
  vec4 fine = texture2D(uNoise, vScene.xz / 90.0);
  vec3 normal = vec3(0.0, 1.0, 0.0);
  vec3 colour = vPaint.rgb * mix(0.85, 1.1, fine.r) * (ambient(normal) + uSunColour * max(uSunDir.y, 0.0) * 0.8);
  // Pools of lamp light and the cars between them; sodium on the large roads, whiter on the small ones.
  float near = 1.0 - smoothstep(600.0, 2600.0, length(vScene - cameraPosition));
  float pools = mix(0.85, 0.4 + 0.5 * texture2D(uNoise, vScene.xz / 460.0).g, near);
  vec3 lamp = mix(vec3(1.0, 0.6, 0.3), vec3(1.0, 0.42, 0.1), smoothstep(0.3, 0.9, vPaint.a));
  colour += uNight * lamp * vPaint.a * mix(0.5, 1.0, vPaint.a) * pools * 0.85;
  gl_FragColor = vec4(haze(colour, vScene), 1.0);
${outputChunk}}
`;

export const railFragment =
  head +
  /* glsl */ `
void main() {
  vec3 light = ambient(vec3(0.0, 1.0, 0.0)) + uSunColour * max(uSunDir.y, 0.0) * 0.7;
  vec3 colour = vPaint.rgb * light;
  colour += uNight * mix(vPaint.rgb, vec3(dot(vPaint.rgb, vec3(0.33))), 0.15) * 0.6 * vPaint.a;
  gl_FragColor = vec4(haze(colour, vScene), 1.0);
${outputChunk}}
`;

/** Viaducts: a deck on pillars, seen from all sides, so it keeps its true depth. */
export const deckVertex = /* glsl */ `
attribute vec4 aPaint; // colour by day, brightness by night
varying vec3 vScene;
varying vec3 vView;
varying vec4 vPaint;

void main() {
  vScene = (modelMatrix * vec4(position, 1.0)).xyz;
  vec4 view = modelViewMatrix * vec4(position, 1.0);
  vView = view.xyz;
  vPaint = aPaint;
  gl_Position = projectionMatrix * view;
}
`;

export const deckFragment =
  common +
  /* glsl */ `
varying vec3 vScene;
varying vec3 vView;
varying vec4 vPaint;

void main() {
  // The scene's axes are the columns of the view matrix, so its transpose leads back from the eye.
  vec3 normal = normalize(cross(dFdx(vView), dFdy(vView))) * mat3(viewMatrix);
  float top = smoothstep(0.7, 0.9, normal.y);
  float below = smoothstep(0.7, 0.9, -normal.y);
  vec3 concrete = vec3(0.52, 0.51, 0.49) * mix(0.9, 1.05, texture2D(uNoise, vScene.xz / 40.0).r);
  vec3 albedo = mix(concrete, mix(concrete, vPaint.rgb, 0.75), top);
  vec3 colour = albedo * (ambient(normal) + uSunColour * max(dot(normal, uSunDir), 0.0));
  // By night the line shines in its own colour, and lights its flanks and what is below it a little.
  float shine = mix(0.16, 0.75, top) * mix(1.0, 0.4, below);
  colour += uNight * vPaint.rgb * vPaint.a * shine * mix(0.5, 1.0, uShow);
  gl_FragColor = vec4(haze(colour, vScene), 1.0);
${outputChunk}}
`;
