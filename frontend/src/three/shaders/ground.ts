/** Terrain: green hills by day, by night dark slopes that catch the glow of the streets. */

import { common, outputChunk } from './common';

export const groundVertex = /* glsl */ `
varying vec3 vScene;
varying vec3 vNormal;

void main() {
  vec4 scene = modelMatrix * vec4(position, 1.0);
  vScene = scene.xyz;
  vNormal = normalize(mat3(modelMatrix) * normal);
  gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
}
`;

export const groundFragment =
  common +
  /* glsl */ `
varying vec3 vScene;
varying vec3 vNormal;

void main() {
  vec3 normal = normalize(vNormal);
  vec4 coarse = texture2D(uNoise, vScene.xz / 2600.0);
  vec4 fine = texture2D(uNoise, vScene.xz / 310.0);
  float rough = coarse.r * 0.6 + fine.g * 0.4;
  // Slopes are steeper than a 30 m grid knows; the noise bends the light a little.
  normal = normalize(normal + vec3(coarse.b - 0.5 + (fine.b - 0.5) * 0.6, 0.0, coarse.a - 0.5 + (fine.a - 0.5) * 0.6) * 0.35);

  vec3 glow = cityGlow(vScene.xz);
  float steep = smoothstep(0.1, 0.45, 1.0 - normal.y);
  vec3 wood = mix(vec3(0.02, 0.045, 0.017), vec3(0.055, 0.088, 0.034), rough);
  vec3 field = mix(vec3(0.085, 0.105, 0.045), vec3(0.14, 0.135, 0.07), fine.r);
  vec3 open = mix(wood, field, smoothstep(0.5, 0.8, coarse.g * 0.6 + fine.a * 0.4) * (1.0 - steep) * 0.8);
  open = mix(open, vec3(0.2, 0.18, 0.15), steep * 0.35);
  vec3 paved = mix(vec3(0.15, 0.145, 0.135), vec3(0.22, 0.21, 0.2), fine.r);
  paved = mix(paved, wood * 1.3, smoothstep(0.5, 0.7, fine.a) * 0.75);
  float urban = smoothstep(0.1, 0.45, glow.r + (rough - 0.5) * 0.14);
  vec3 albedo = mix(open, paved, urban * 0.85);

  float sun = max(dot(normal, uSunDir), 0.0);
  vec3 colour = albedo * (ambient(normal) + uSunColour * sun);
  // Courts and lanes between the mapped streets are lit too, in patches.
  float patches = mix(0.45, 1.0, smoothstep(0.35, 0.75, fine.g)) * mix(0.6, 1.0, coarse.r);
  colour += uNight * (albedo + 0.03) * vec3(1.0, 0.5, 0.18) * glow.r * patches * 1.15;
  colour += uNight * vec3(0.0035, 0.005, 0.0095) * (0.5 + rough);
  gl_FragColor = vec4(haze(colour, vScene), 1.0);
${outputChunk}}
`;
