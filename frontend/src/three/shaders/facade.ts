/**
 * Facades and roofs: floors and windows by position, by night lit windows and the lighting of tall buildings.
 *
 * Walls are what stands upright, roofs all else; a roof that slopes is tiled. With `PICTURE` defined, a surface shows
 * its picture instead of a colour of ours, and by night the same windows. A window is a cell of a grid on the wall, as
 * wide as the building's style says and as high as its floors are; what is smaller than a pixel is averaged, block by
 * block, so that distant towers glitter without flickering.
 */

import { common, outputChunk } from './common';

export const facadeVertex = /* glsl */ `
attribute vec4 aPlace; // centre x, centre z, ground y, height in metres, scene frame
attribute vec4 aLook;  // floors, group, seed 0 to 255, provenance
attribute float aIndex;
uniform sampler2D uState; // one texel a building: colour, and how much of it
uniform float uSelected;
varying vec3 vLocal;
varying vec3 vScene;
flat varying vec4 vHouse; // height, floors, group, seed 0 to 1
flat varying vec4 vState;
flat varying float vChosen;
#ifdef PICTURE
varying vec2 vPicture;
#endif

void main() {
#ifdef PICTURE
  vPicture = uv;
#endif
  vec4 scene = modelMatrix * vec4(position, 1.0);
  vScene = scene.xyz;
  vLocal = scene.xyz - vec3(aPlace.x, aPlace.z, aPlace.y);
  vHouse = vec4(aPlace.w, max(aLook.x, 1.0), aLook.y, (aLook.z + 0.5) / 256.0);
  int index = int(aIndex + 0.5);
  int width = textureSize(uState, 0).x;
  vState = texelFetch(uState, ivec2(index % width, index / width), 0);
  vChosen = abs(aIndex - uSelected) < 0.5 ? 1.0 : 0.0;
  gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
}
`;

const windows = /* glsl */ `
uniform float uLit[6]; // share of lit windows by group

const vec3 warm = vec3(1.0, 0.47, 0.13);
const vec3 soft = vec3(1.0, 0.7, 0.38);
const vec3 cool = vec3(0.6, 0.82, 1.0);

float coolShare(float group) {
  return group < 0.5 ? 0.13 : group < 1.5 ? 0.5 : group < 2.5 ? 0.28 : group < 4.5 ? 0.42 : 0.0;
}

// Light of the block of windows that a cell belongs to; level 0 is one window, each level doubles its side.
vec3 litBlock(vec2 cell, float level, float seed, float share, float cold) {
  vec2 id = floor(cell * exp2(-level));
  float dice = hash13(vec3(id, seed * 97.0 + level * 7.0));
  float tint = fract(dice * 57.31 + seed);
  float strength = fract(dice * 131.7);
  // A whole floor is on here and there: corridors, offices that clean.
  float floorOn = step(0.93, hash13(vec3(id.y, seed * 53.0, level)));
  float single = max(step(dice, share), floorOn * step(dice, 0.85)) * (0.35 + 1.5 * strength * strength);
  float many = share * mix(0.72, 0.15 + 4.2 * strength * strength * strength, exp2(-0.3 * level));
  vec3 colour = tint < cold ? cool : mix(warm, soft, fract(tint * 7.3));
  vec3 mean = mix(mix(warm, soft, 0.45), cool, cold * 0.8);
  return level < 0.5 ? colour * single : mix(mean, colour, 0.5) * many;
}

vec3 litWindows(vec2 cell, float footprint, float seed, float share, float cold) {
  float level = max(0.0, log2(footprint * 1.4));
  float lower = floor(level);
  return mix(
    litBlock(cell, lower, seed, share, cold),
    litBlock(cell, lower + 1.0, seed, share, cold),
    smoothstep(0.2, 0.8, level - lower)
  );
}
`;

const lighting = /* glsl */ `
vec3 accentColour(float dice) {
  if (dice < 0.4) return vec3(1.0, 0.52, 0.12);
  if (dice < 0.62) return vec3(1.0, 0.72, 0.4);
  if (dice < 0.76) return vec3(0.25, 0.72, 1.0);
  if (dice < 0.86) return vec3(0.16, 0.3, 1.0);
  if (dice < 0.93) return vec3(1.0, 0.16, 0.5);
  return vec3(1.0, 0.1, 0.06);
}

// Lines of light, washes and screens that the city hangs on its towers.
vec3 decoration(float u, float v, vec2 perMetre, vec4 house, float group) {
  float height = house.x;
  float tall = smoothstep(40.0, 120.0, height);
  float style = hash11(house.w * 311.0 + height);
  float second = hash11(house.w * 733.0 + 3.0);
  vec3 accent = accentColour(hash11(house.w * 517.0 + 11.0));
  vec3 light = vec3(0.0);
  float fromTop = height - v;
  if (group > 4.5) {
    // Sights are floodlit in gold from below, eaves brighter than walls.
    float eaves = pulse(v / max(height / house.y, 3.0), 0.74, 0.96, perMetre.y / max(height / house.y, 3.0));
    return vec3(1.0, 0.5, 0.12) * (0.35 + 0.9 * eaves) * mix(0.3, 1.0, uShow);
  }
  float crown = height > 28.0 && style < mix(0.16, 0.95, tall) ? 1.0 : 0.0;
  float crownHeight = mix(1.6, 7.0, tall);
  light += crown * accent * smoothstep(crownHeight, 0.0, fromTop) * step(0.0, fromTop) * mix(0.6, 1.35, tall) * mix(0.55, 1.0, pulse(u / 2.4, 0.06, 0.94, perMetre.x / 2.4));
  if (height > 55.0) {
    if (second < 0.2) {
      light += accent * pulse(u / 7.5, 0.44, 0.56, perMetre.x / 7.5) * 1.15 * mix(0.35, 1.0, v / height);
    } else if (second < 0.34) {
      light += accent * pulse(v / 13.6, 0.45, 0.53, perMetre.y / 13.6) * 1.2;
    } else if (second < 0.56) {
      light += accent * exp(-max(fromTop, 0.0) / (height * 0.22)) * 0.42;
    } else if (second > 0.975 && height > 90.0) {
      // A screen of lamps as large as the facade: two colours that drift into one another.
      float wave = 0.5 + 0.5 * sin(v / 34.0 + u / 60.0 - uTime * 0.25 + house.w * 40.0);
      vec3 hue = mix(accent, accentColour(hash11(house.w * 877.0 + 5.0)), wave);
      hue = mix(vec3(0.1, 0.16, 0.9), hue, 0.35 + 0.65 * wave);
      float dots = pulse(u / 1.8, 0.2, 0.8, perMetre.x / 1.8) * pulse(v / 1.8, 0.2, 0.8, perMetre.y / 1.8);
      light += hue * dots * 0.95;
    }
  }
  return light * uShow;
}

// Shop fronts and signs along the pavement of lively streets.
vec3 shopFronts(float u, float v, vec2 perMetre, float seed, float lively) {
  if (v > 6.5 || v < 0.2) return vec3(0.0);
  float shop = floor(u / 5.5);
  float dice = hash13(vec3(shop, seed * 71.0, 5.0));
  float open = step(dice, lively);
  vec3 sign = 0.5 + 0.5 * cos(6.2831 * (fract(dice * 23.0) + vec3(0.0, 0.36, 0.62)));
  vec3 front = mix(soft, sign, 0.25) * pulse(u / 5.5, 0.08, 0.92, perMetre.x / 5.5) * (1.0 - smoothstep(3.4, 3.8, v));
  vec3 board = sign * sign * smoothstep(4.0, 4.3, v) * (1.0 - smoothstep(5.6, 6.0, v)) * 1.9;
  return open * (front * 0.8 + board) * mix(0.4, 1.0, uShow);
}
`;

const daylight = /* glsl */ `
vec3 wallColour(float group, float seed) {
  float dice = hash11(seed * 197.0 + 1.0);
  vec3 plaster = mix(vec3(0.4, 0.355, 0.3), vec3(0.46, 0.44, 0.41), dice);
  plaster = mix(plaster, vec3(0.34, 0.22, 0.165), step(0.78, hash11(seed * 401.0)) * 0.7);
  vec3 curtain = mix(vec3(0.17, 0.235, 0.3), vec3(0.32, 0.36, 0.38), dice);
  if (group < 0.5) return plaster;
  if (group < 1.5) return curtain;
  if (group < 2.5) return mix(plaster, curtain, step(0.5, dice));
  if (group < 3.5) return vec3(0.34, 0.34, 0.34) * (0.75 + 0.4 * dice);
  return group < 4.5 ? vec3(0.44, 0.38, 0.32) : vec3(0.36, 0.2, 0.12);
}

// Slate, clay and weathered clay on slopes; courses of tiles where they are near enough to be seen.
vec3 tileColour(float group, float seed, float v, float width) {
  float dice = hash11(seed * 263.0 + 5.0);
  vec3 slate = mix(vec3(0.1, 0.11, 0.12), vec3(0.17, 0.17, 0.165), hash11(seed * 83.0));
  vec3 clay = mix(vec3(0.2, 0.078, 0.045), vec3(0.19, 0.12, 0.085), hash11(seed * 59.0));
  vec3 tiles = group > 4.5 ? mix(slate, vec3(0.13, 0.16, 0.13), 0.5) : mix(slate, clay, smoothstep(0.42, 0.58, dice));
  return tiles * (0.82 + 0.18 * pulse(v / 0.24, 0.2, 1.0, width / 0.24));
}
`;

export const facadeFragment =
  common +
  windows +
  lighting +
  daylight +
  /* glsl */ `
varying vec3 vLocal;
varying vec3 vScene;
flat varying vec4 vHouse;
flat varying vec4 vState;
flat varying float vChosen;
#ifdef PICTURE
varying vec2 vPicture;
uniform sampler2D uPicture;
#endif

void main() {
  float height = vHouse.x;
  float group = vHouse.z;
  float seed = vHouse.w;
  vec3 normal = normalize(cross(dFdx(vLocal), dFdy(vLocal)));
  float wall = 1.0 - smoothstep(0.1, 0.18, abs(normal.y));
  vec2 along = normalize(vec2(-normal.z, normal.x) + vec2(1e-6));
  // Quantised: along one wall the derivative's noise must not move the windows.
  float u = dot(vLocal.xz, along);
  float v = vLocal.y;
  vec2 perMetre = vec2(length(vec2(dFdx(u), dFdy(u))), length(vec2(dFdx(v), dFdy(v))));
  float face = floor(atan(normal.z, normal.x) * 2.5464 + 0.5);

  float floorHeight = clamp(height / vHouse.y, 2.6, 6.0);
  float bay = group < 0.5 ? mix(2.7, 3.9, hash11(seed * 91.0)) : mix(1.7, 3.2, hash11(seed * 67.0));
  vec2 cell = vec2(u / bay + face * 37.0, v / floorHeight);
  vec2 size = perMetre / vec2(bay, floorHeight);
  float glassWidth = group < 0.5 ? mix(0.2, 0.27, hash11(seed * 29.0)) : mix(0.05, 0.16, hash11(seed * 29.0));
  float glass = pulse(cell.x, glassWidth, 1.0 - glassWidth, size.x) * pulse(cell.y, 0.28, 0.84, size.y);
  glass *= step(0.3, v) * (1.0 - smoothstep(height - 1.2, height - 0.8, v)) * wall;

  vec3 glow = cityGlow(vScene.xz);
  vec3 base = wallColour(group, seed);
  vec3 roof = mix(vec3(0.24, 0.235, 0.23), base, 0.3) * (0.8 + 0.35 * hash11(seed * 149.0));
  roof = mix(tileColour(group, seed, v, perMetre.y), roof, smoothstep(0.9925, 0.998, abs(normal.y)));
  vec3 albedo = mix(roof, base, wall);
  albedo *= mix(1.0, 0.86 + 0.14 * pulse(cell.y, 0.1, 1.0, size.y), wall);
#ifdef PICTURE
  albedo = texture2D(uPicture, vPicture).rgb;
  float lamps = glass;
  glass = 0.0;
#else
  float lamps = glass;
#endif
  vec3 tinted = mix(albedo, vec3(0.1, 0.13, 0.16), glass * 0.85);

  // Streets between houses see little of the sky.
  float openness = mix(1.0, 0.42 + 0.58 * smoothstep(0.0, max(22.0, height * 0.55), v), wall);
  float sun = max(dot(normal, uSunDir), 0.0);
  vec3 colour = tinted * (ambient(normal) * openness + uSunColour * sun * mix(openness, 1.0, 0.5));

  vec3 view = normalize(vScene - cameraPosition);
  vec3 mirrored = reflect(view, normal);
  float facing = pow(1.0 - max(dot(-view, normal), 0.0), 3.0);
  vec3 mirrorSky = skyColour(vec3(mirrored.x, abs(mirrored.y) * 0.8 + 0.05, mirrored.z));
  colour += mirrorSky * glass * (0.12 + 0.5 * facing) * mix(0.75, 0.35, uNight);

  if (uNight > 0.01) {
    int row = int(group + 0.5);
    float share = uLit[row] * mix(0.35, 1.45, hash11(seed * 37.0));
    vec3 light = litWindows(cell, max(size.x, size.y), seed + face * 0.13, share, coolShare(group)) * lamps * 1.15;
    // Lamps and shop light from the street climb a few floors.
    float street = exp(-max(v, 0.0) / 11.0) * (0.25 + 0.7 * glow.r);
    light += albedo * vec3(1.0, 0.52, 0.2) * street * 0.85 * mix(0.5, 1.0, wall);
    light += albedo * vec3(1.0, 0.6, 0.34) * glow.r * 0.09;
    if (wall > 0.5) {
      light += decoration(u, v, perMetre, vHouse, group);
      float lively = group > 1.5 && group < 2.5 ? 0.9 : smoothstep(0.5, 0.95, glow.r) * 0.6;
      light += shopFronts(u, v, perMetre, seed, lively);
    }
    colour += light * uNight;
  }

  vec3 tone = vState.rgb * (0.35 + 0.65 * (ambient(normal) + uSunColour * sun + uNight * 0.5));
  colour = mix(colour, tone, vState.a);
  vec3 chosen = vec3(1.0, 0.5, 0.12) * (0.55 + 0.5 * facing) + colour * 0.5;
  colour = mix(colour, chosen, vChosen * 0.85);
  gl_FragColor = vec4(haze(colour, vScene), 1.0);
${outputChunk}}
`;
