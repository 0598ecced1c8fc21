/** Street lamps: points of light along the larger roads, drawn only by night. */

import { common, outputChunk } from './common';

export const lampVertex = /* glsl */ `
attribute vec4 aLamp; // colour, brightness
uniform float uNight;
uniform float uPixels; // height of the picture in pixels over twice the tangent of half the field of view
varying vec3 vScene;
varying vec4 vLamp;

void main() {
  vScene = (modelMatrix * vec4(position, 1.0)).xyz;
  vec4 view = modelViewMatrix * vec4(position, 1.0);
  float size = 5.5 * uPixels / -view.z;
  vLamp = aLamp;
  // Below one and a half pixels a lamp keeps its size and gives up light instead.
  vLamp.a *= uNight * clamp(size / 1.6, 0.16, 1.0);
  gl_PointSize = clamp(size, 1.6, 26.0);
  view.xyz *= 0.996;
  gl_Position = projectionMatrix * view;
  if (uNight < 0.02) gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
}
`;

export const lampFragment =
  common +
  /* glsl */ `
varying vec3 vScene;
varying vec4 vLamp;

void main() {
  vec2 centred = gl_PointCoord * 2.0 - 1.0;
  float r2 = dot(centred, centred);
  if (r2 > 1.0) discard;
  float core = (1.0 - r2) * (1.0 - r2) * (0.25 + 0.75 * smoothstep(0.35, 0.0, r2));
  // Additive: haze takes light away and adds none.
  float veil = 1.0 - hazeShare(vScene);
  gl_FragColor = vec4(vLamp.rgb * vLamp.a * core * veil * 1.5, 1.0);
${outputChunk}}
`;
