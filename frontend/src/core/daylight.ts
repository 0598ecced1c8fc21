/**
 * The light of an hour: where the sun and moon stand, and the colours of sky, haze and lamps.
 *
 * Colours are linear RGB, directions are unit vectors in east, north, up. Real dates come with the clock of a
 * later plugin; until then every day is an equinox at the city's latitude.
 */

import type { Vec3 } from './geodesy';

export interface Daylight {
  sunDirection: Vec3;
  moonDirection: Vec3;
  /** 0 by day, 1 at night. */
  night: number;
  stars: number;
  zenith: Vec3;
  horizon: Vec3;
  /** Added around the sun, or by night around the city's own light. */
  glow: Vec3;
  /** Directional light, sun or moon. */
  sunColour: Vec3;
  ambientUp: Vec3;
  ambientDown: Vec3;
  /** Haze at its base, per metre. */
  hazeDensity: number;
}

interface Palette {
  elevation_deg: number;
  stars: number;
  zenith: Vec3;
  horizon: Vec3;
  glow: Vec3;
  sunColour: Vec3;
  ambientUp: Vec3;
  ambientDown: Vec3;
  hazeDensity: number;
}

const fullDay: Palette = {
  elevation_deg: 28,
  stars: 0,
  zenith: [0.085, 0.22, 0.52],
  horizon: [0.46, 0.57, 0.69],
  glow: [0.2, 0.16, 0.11],
  sunColour: [1.75, 1.5, 1.2],
  ambientUp: [0.27, 0.34, 0.45],
  ambientDown: [0.15, 0.14, 0.12],
  hazeDensity: 0.00009,
};

// Ordered by the sun's elevation; between two rows every value is interpolated.
const palettes: readonly Palette[] = [
  {
    elevation_deg: -14,
    stars: 1,
    zenith: [0.0012, 0.0032, 0.011],
    horizon: [0.008, 0.019, 0.046],
    glow: [0.088, 0.042, 0.013],
    sunColour: [0.026, 0.036, 0.064],
    ambientUp: [0.02, 0.026, 0.05],
    ambientDown: [0.036, 0.024, 0.015],
    hazeDensity: 0.00011,
  },
  {
    elevation_deg: -6,
    stars: 0.35,
    zenith: [0.006, 0.018, 0.068],
    horizon: [0.07, 0.075, 0.15],
    glow: [0.26, 0.11, 0.06],
    sunColour: [0.04, 0.05, 0.09],
    ambientUp: [0.032, 0.047, 0.1],
    ambientDown: [0.034, 0.024, 0.022],
    hazeDensity: 0.00011,
  },
  {
    elevation_deg: -0.5,
    stars: 0,
    zenith: [0.04, 0.095, 0.26],
    horizon: [0.36, 0.27, 0.28],
    glow: [0.8, 0.29, 0.09],
    sunColour: [0.42, 0.18, 0.08],
    ambientUp: [0.12, 0.15, 0.25],
    ambientDown: [0.08, 0.06, 0.055],
    hazeDensity: 0.00012,
  },
  {
    elevation_deg: 7,
    stars: 0,
    zenith: [0.075, 0.19, 0.46],
    horizon: [0.5, 0.48, 0.47],
    glow: [0.6, 0.33, 0.15],
    sunColour: [1.5, 0.92, 0.52],
    ambientUp: [0.23, 0.28, 0.39],
    ambientDown: [0.13, 0.11, 0.1],
    hazeDensity: 0.00011,
  },
  fullDay,
];

const radian = Math.PI / 180;

// A first-quarter moon in the south-west of the evening: opposite the city's glow in most first views.
const moon = { azimuth_deg: 228, elevation_deg: 34 };

export function daylightAt(hour: number, latitude_deg: number): Daylight {
  const sunDirection = sunDirectionAt(hour, latitude_deg);
  const elevation_deg = Math.asin(sunDirection[2]) / radian;
  const moonDirection = direction(moon.azimuth_deg, moon.elevation_deg);
  const night = 1 - smoothstep(-7, 3, elevation_deg);
  const moonlit = elevation_deg < -6;
  return {
    ...paletteAt(elevation_deg),
    night,
    // Shading follows the moon once the sun no longer lights anything.
    sunDirection: moonlit ? moonDirection : sunDirection,
    moonDirection,
  };
}

/** Sun at equinox: rises in the east at 6, stands in the south (or north) at 12. */
export function sunDirectionAt(hour: number, latitude_deg: number): Vec3 {
  const angle = ((hour - 12) / 12) * Math.PI;
  const latitude = latitude_deg * radian;
  const east = -Math.sin(angle);
  return [east, -Math.sin(latitude) * Math.cos(angle), Math.cos(latitude) * Math.cos(angle)];
}

/** Share of lit windows, 0 to 1, of one group of buildings at an hour. */
export function litShare(group: number, hour: number): number {
  const curve = litCurves[group] ?? litCurves[0];
  return interpolateCyclic(curve ?? [], hour);
}

// One value every three hours from midnight. Homes are fullest at nine in the evening; offices empty slowly; shops
// close at ten; works keep a night shift.
const litCurves: readonly (readonly number[])[] = [
  [0.12, 0.04, 0.12, 0.1, 0.06, 0.08, 0.36, 0.46], // homes
  [0.08, 0.05, 0.08, 0.4, 0.3, 0.34, 0.5, 0.3], // offices
  [0.2, 0.1, 0.12, 0.45, 0.5, 0.5, 0.72, 0.7], // shops, hotels
  [0.14, 0.12, 0.14, 0.3, 0.25, 0.25, 0.22, 0.18], // works, stores
  [0.12, 0.08, 0.1, 0.3, 0.25, 0.25, 0.4, 0.28], // schools, hospitals, offices of the state
  [0.25, 0.1, 0.1, 0.2, 0.25, 0.25, 0.9, 0.95], // sights
];

function interpolateCyclic(values: readonly number[], hour: number): number {
  const position = (((hour % 24) + 24) % 24) / 3;
  const index = Math.floor(position);
  const from = values[index % values.length] ?? 0;
  const to = values[(index + 1) % values.length] ?? 0;
  return from + (to - from) * (position - index);
}

function paletteAt(elevation_deg: number): Omit<Palette, 'elevation_deg'> {
  const above = palettes.findIndex((palette) => palette.elevation_deg > elevation_deg);
  const last = palettes.length - 1;
  const upper = palettes[above === -1 ? last : above] ?? fullDay;
  const lower = palettes[above === -1 ? last : Math.max(0, above - 1)] ?? fullDay;
  const span = upper.elevation_deg - lower.elevation_deg;
  const share = span === 0 ? 0 : (elevation_deg - lower.elevation_deg) / span;
  return {
    stars: lerp(lower.stars, upper.stars, share),
    zenith: mix(lower.zenith, upper.zenith, share),
    horizon: mix(lower.horizon, upper.horizon, share),
    glow: mix(lower.glow, upper.glow, share),
    sunColour: mix(lower.sunColour, upper.sunColour, share),
    ambientUp: mix(lower.ambientUp, upper.ambientUp, share),
    ambientDown: mix(lower.ambientDown, upper.ambientDown, share),
    hazeDensity: lerp(lower.hazeDensity, upper.hazeDensity, share),
  };
}

function direction(azimuth_deg: number, elevation_deg: number): Vec3 {
  const ring = Math.cos(elevation_deg * radian);
  return [
    Math.sin(azimuth_deg * radian) * ring,
    Math.cos(azimuth_deg * radian) * ring,
    Math.sin(elevation_deg * radian),
  ];
}

function smoothstep(from: number, to: number, x: number): number {
  const t = Math.min(1, Math.max(0, (x - from) / (to - from)));
  return t * t * (3 - 2 * t);
}

function lerp(from: number, to: number, share: number): number {
  return from + (to - from) * share;
}

function mix(from: Vec3, to: Vec3, share: number): Vec3 {
  return [lerp(from[0], to[0], share), lerp(from[1], to[1], share), lerp(from[2], to[2], share)];
}

/** How much of the decorative lighting is on, 0 to 1: from dusk until the city switches it off before midnight. */
export function showLight(hour: number): number {
  if (hour >= 12) return smoothstep(17.8, 18.8, hour) * (1 - 0.8 * smoothstep(22.8, 23.6, hour));
  return 0.2 * (1 - smoothstep(5, 6.5, hour));
}
