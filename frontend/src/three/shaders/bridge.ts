/** Bridges: pale steel and concrete by day, floodlit gold with a line of light along the deck by night. */

import { common, outputChunk } from './common';

export const bridgeVertex = /* glsl */ `
attribute vec4 aPlace; // seed, unused, lowest y, height
attribute float aIndex;
uniform float uSelected;
varying vec3 vScene;
varying vec3 vView;
flat varying vec4 vHouse;
flat varying float vChosen;

void main() {
  vScene = (modelMatrix * vec4(position, 1.0)).xyz;
  vec4 view = modelViewMatrix * vec4(position, 1.0);
  vView = view.xyz;
  vHouse = aPlace;
  vChosen = abs(aIndex - uSelected) < 0.5 ? 1.0 : 0.0;
  gl_Position = projectionMatrix * view;
}
`;

export const bridgeFragment =
  common +
  /* glsl */ `
varying vec3 vScene;
varying vec3 vView;
flat varying vec4 vHouse;
flat varying float vChosen;

void main() {
  // The scene's axes are the columns of the view matrix, so its transpose leads back from the eye.
  vec3 normal = normalize(cross(dFdx(vView), dFdy(vView))) * mat3(viewMatrix);
  float dice = hash11(vHouse.x * 53.0 + 2.0);
  vec3 albedo = dice < 0.3 ? vec3(0.52, 0.15, 0.1) : dice < 0.6 ? vec3(0.55, 0.56, 0.57) : vec3(0.6, 0.57, 0.52);
  float flatness = smoothstep(0.8, 0.95, normal.y);
  albedo = mix(albedo, vec3(0.2, 0.2, 0.21), flatness);
  vec3 colour = albedo * (ambient(normal) + uSunColour * max(dot(normal, uSunDir), 0.0));
  float upward = clamp((vScene.y - vHouse.z) / max(vHouse.w, 1.0), 0.0, 1.0);
  vec3 flood = mix(vec3(1.0, 0.62, 0.22), vec3(1.0, 0.8, 0.5), upward);
  flood = mix(flood, vec3(0.35, 0.6, 1.0), step(0.82, dice));
  vec3 deck = vec3(1.0, 0.54, 0.2) * (0.3 + 0.2 * texture2D(uNoise, vScene.xz / 260.0).g);
  colour += uNight * mix(flood * mix(0.5, 0.95, upward) * mix(0.45, 1.0, uShow), deck, flatness);
  colour = mix(colour, vec3(1.0, 0.5, 0.12), vChosen * 0.7);
  gl_FragColor = vec4(haze(colour, vScene), 1.0);
${outputChunk}}
`;
