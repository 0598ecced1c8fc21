/** The dome: the hour's gradient, stars, moon and sun. */

import { common, outputChunk } from './common';

export const skyVertex = /* glsl */ `
varying vec3 vDirection;

void main() {
  vDirection = (modelMatrix * vec4(position, 0.0)).xyz;
  gl_Position = (projectionMatrix * vec4(mat3(modelViewMatrix) * position, 1.0)).xyww;
}
`;

export const skyFragment =
  common +
  /* glsl */ `
varying vec3 vDirection;
uniform float uStars;

float stars(vec3 direction) {
  vec3 cube = direction * 190.0;
  vec3 id = floor(cube);
  float dice = hash13(id);
  vec3 centre = id + 0.3 + 0.4 * vec3(fract(dice * 91.7), fract(dice * 37.1), fract(dice * 13.3));
  float near = smoothstep(0.32, 0.0, length(cube - centre));
  return near * step(0.985, dice) * (0.25 + 1.2 * fract(dice * 977.0));
}

void main() {
  vec3 direction = normalize(vDirection);
  vec3 colour = skyColour(direction);
  float up = max(direction.y, 0.0);
  colour += vec3(0.75, 0.85, 1.0) * stars(direction) * uStars * smoothstep(0.06, 0.5, up) * 0.55;
  // Thin cloud over the city, lit from below.
  vec2 plane = direction.xz / (up + 0.22);
  float cloud = smoothstep(0.5, 0.85, texture2D(uNoise, plane * 0.11).r * 0.65 + texture2D(uNoise, plane * 0.37).g * 0.35);
  vec3 lit = mix(vec3(0.85) * (uHorizon + uSunColour * 0.14), uHorizon * 0.55 + uGlow * 0.3, uNight);
  colour = mix(colour, lit, cloud * smoothstep(0.015, 0.2, up) * mix(0.5, 0.3, uNight));

  float moon = dot(direction, uMoonDir);
  vec3 across = normalize(cross(uMoonDir, vec3(0.0, 1.0, 0.0)));
  float disc = smoothstep(0.99988, 0.99992, moon);
  float phase = smoothstep(-0.004, 0.006, dot(direction - uMoonDir, across));
  colour += uStars * vec3(1.0, 0.94, 0.82) * (disc * mix(0.05, 1.5, phase) + 0.05 * pow(max(moon, 0.0), 900.0));
  float sun = max(dot(direction, uSunDir), 0.0) * (1.0 - uNight);
  colour += uSunColour * (smoothstep(0.99985, 0.99995, sun) * 8.0 + 0.22 * pow(sun, 350.0) + 0.06 * pow(sun, 18.0));
  if (direction.y < -0.0005) {
    // Beyond the city's edge the land goes on, flat and without detail, until the haze takes it.
    vec3 place = cameraPosition + direction * (max(cameraPosition.y - uHaze.y, 10.0) / -direction.y);
    vec3 land = mix(vec3(0.03, 0.042, 0.034), vec3(0.05, 0.06, 0.075), uNight);
    colour = haze(land * (uAmbientUp + uSunColour * max(uSunDir.y, 0.0)), place);
  }
  gl_FragColor = vec4(colour, 1.0);
${outputChunk}}
`;
