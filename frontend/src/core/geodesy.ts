/**
 * WGS-84 to the city's local frame, for labels, flights and the first view.
 *
 * The tiles arrive in ECEF and are turned by the renderer; this gives the same frame for single points.
 */

export type Vec3 = readonly [number, number, number];

/** A place: degrees, and metres above the WGS-84 ellipsoid. */
export interface Place {
  lon: number;
  lat: number;
  ellipsoidal_height_m: number;
}

const radian = Math.PI / 180;

// WGS-84 (EPSG:7030): semi-major axis and flattening.
const a_m = 6378137;
const flattening = 1 / 298.257223563;
const e2 = flattening * (2 - flattening);

export function ecefFromGeodetic(place: Place): Vec3 {
  const lon = place.lon * radian;
  const lat = place.lat * radian;
  const n_m = a_m / Math.sqrt(1 - e2 * Math.sin(lat) ** 2);
  const ring_m = (n_m + place.ellipsoidal_height_m) * Math.cos(lat);
  return [
    ring_m * Math.cos(lon),
    ring_m * Math.sin(lon),
    (n_m * (1 - e2) + place.ellipsoidal_height_m) * Math.sin(lat),
  ];
}

/** Longitude, latitude and ellipsoidal height by Bowring's iteration; under a micrometre near the ground. */
export function geodeticFromEcef([x, y, z]: Vec3): Place {
  const ring = Math.hypot(x, y);
  let lat = Math.atan2(z, ring * (1 - e2));
  for (let step = 0; step < 5; step += 1) {
    const n_m = a_m / Math.sqrt(1 - e2 * Math.sin(lat) ** 2);
    lat = Math.atan2(z + e2 * n_m * Math.sin(lat), ring);
  }
  const n_m = a_m / Math.sqrt(1 - e2 * Math.sin(lat) ** 2);
  return {
    lon: Math.atan2(y, x) / radian,
    lat: lat / radian,
    ellipsoidal_height_m: ring * Math.cos(lat) + z * Math.sin(lat) - (a_m * a_m) / n_m,
  };
}

/** East, north, up around one origin. */
export class LocalFrame {
  readonly #origin: Vec3;
  readonly #east: Vec3;
  readonly #north: Vec3;
  readonly #up: Vec3;

  constructor(readonly origin: Place) {
    const lon = origin.lon * radian;
    const lat = origin.lat * radian;
    this.#origin = ecefFromGeodetic(origin);
    this.#east = [-Math.sin(lon), Math.cos(lon), 0];
    this.#north = [-Math.sin(lat) * Math.cos(lon), -Math.sin(lat) * Math.sin(lon), Math.cos(lat)];
    this.#up = [Math.cos(lat) * Math.cos(lon), Math.cos(lat) * Math.sin(lon), Math.sin(lat)];
  }

  enuFromGeodetic(place: Place): Vec3 {
    const [x, y, z] = ecefFromGeodetic(place);
    const [ox, oy, oz] = this.#origin;
    const d: Vec3 = [x - ox, y - oy, z - oz];
    return [dot(this.#east, d), dot(this.#north, d), dot(this.#up, d)];
  }

  geodeticFromEnu([e, n, u]: Vec3): Place {
    const ecef = [0, 1, 2].map((axis) => {
      const i = axis as 0 | 1 | 2;
      return this.#origin[i] + this.#east[i] * e + this.#north[i] * n + this.#up[i] * u;
    });
    return geodeticFromEcef(ecef as unknown as Vec3);
  }
}

function dot(p: Vec3, q: Vec3): number {
  return p[0] * q[0] + p[1] * q[1] + p[2] * q[2];
}
