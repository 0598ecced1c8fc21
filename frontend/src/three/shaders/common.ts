/** Shader text that every material shares: light of the hour, sky, haze, the city's own glow, hashing. */

export const commonUniforms = /* glsl */ `
uniform vec3 uSunDir;
uniform vec3 uSunColour;
uniform vec3 uMoonDir;
uniform vec3 uZenith;
uniform vec3 uHorizon;
uniform vec3 uGlow;
uniform vec3 uAmbientUp;
uniform vec3 uAmbientDown;
uniform vec4 uHaze; // density at its base per metre, base height, 1 / scale height, density everywhere
uniform float uNight;
uniform float uShow; // 0 to 1: how much of the decorative lighting is switched on
uniform float uTime;
uniform sampler2D uGlowMap; // red: light, green: height of what shines / 300 m, blue: share of coloured light
uniform vec3 uGlowFrame; // west-south corner in scene x, z and 1 / side
uniform sampler2D uNoise;
`;

export const skyFunction = /* glsl */ `
vec3 skyColour(vec3 direction) {
  float up = max(direction.y, 0.0);
  vec3 colour = mix(uZenith, uHorizon, pow(1.0 - up, 5.0));
  float low = exp(-up * mix(7.0, 19.0, uNight));
  vec2 flat2 = normalize(direction.xz + vec2(1e-5));
  vec2 sun2 = normalize(uSunDir.xz + vec2(1e-5));
  float toward = 0.5 + 0.5 * dot(flat2, sun2);
  // By day the glow surrounds the sun; by night it is the city's own light under the clouds.
  float around = mix(toward * toward * toward, 0.8, uNight);
  return colour + uGlow * low * around;
}
`;

export const hazeFunction = /* glsl */ `
// Share of the air's own light in what is seen of a place, 0 to 1.
float hazeShare(vec3 position) {
  vec3 view = position - cameraPosition;
  float distance_m = length(view);
  // Exponential in height: the optical depth of a slanted ray has a closed form.
  // An eye below the base is a mirrored one: its light came down from above.
  float eye = abs(cameraPosition.y - uHaze.y);
  float rise = clamp((position.y - uHaze.y - eye) * uHaze.z, -20.0, 20.0);
  float slant = abs(rise) < 1e-3 ? 1.0 : (1.0 - exp(-rise)) / rise;
  float base = exp(-eye * uHaze.z);
  return 1.0 - exp(-(uHaze.x * base * slant + uHaze.w) * distance_m);
}
vec3 haze(vec3 colour, vec3 position) {
  vec3 direction = normalize(position - cameraPosition);
  vec3 veil = skyColour(vec3(direction.x, max(direction.y, 0.0) * 0.5, direction.z));
  return mix(colour, veil, hazeShare(position));
}
`;

export const glowFunction = /* glsl */ `
vec3 cityGlow(vec2 position) {
  vec2 place = (position - uGlowFrame.xy) * uGlowFrame.z;
  return all(lessThan(abs(place - 0.5), vec2(0.499))) ? texture2D(uGlowMap, place).rgb : vec3(0.0);
}
`;

export const hashFunctions = /* glsl */ `
float hash13(vec3 p) {
  p = fract(p * 0.1031);
  p += dot(p, p.zyx + 31.32);
  return fract((p.x + p.y) * p.z);
}
float hash11(float p) {
  p = fract(p * 0.1031);
  p *= p + 33.33;
  p *= p + p;
  return fract(p);
}
// A train of boxes of width hi - lo, averaged over w: it never flickers however far away.
float pulse(float x, float lo, float hi, float w) {
  float width = max(w, 1e-4);
  vec2 edge = vec2(x - 0.5 * width, x + 0.5 * width);
  vec2 area = floor(edge) * (hi - lo) + clamp(fract(edge), lo, hi) - lo;
  return clamp((area.y - area.x) / width, 0.0, 1.0);
}
`;

export const ambientFunction = /* glsl */ `
vec3 ambient(vec3 normal) {
  return mix(uAmbientDown, uAmbientUp, normal.y * 0.5 + 0.5);
}
`;

/** Where every fragment shader ends: tone mapping and colour space, unless a later pass does both. */
export const outputChunk = /* glsl */ `
  #include <tonemapping_fragment>
  #include <colorspace_fragment>
`;

export const common = commonUniforms + skyFunction + hazeFunction + glowFunction + hashFunctions + ambientFunction;
