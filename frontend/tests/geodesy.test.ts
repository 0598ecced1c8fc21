import { describe, expect, it } from 'vitest';
import { ecefFromGeodetic, geodeticFromEcef, LocalFrame } from '../src/core/geodesy';

const chongqing = { lon: 106.577, lat: 29.563, ellipsoidal_height_m: 230 };

describe('ECEF', () => {
  it('has the axes of the ellipsoid', () => {
    expect(ecefFromGeodetic({ lon: 0, lat: 0, ellipsoidal_height_m: 0 })).toEqual([6378137, 0, 0]);
    // WGS-84's semi-minor axis, as its definition prints it.
    expect(ecefFromGeodetic({ lon: 0, lat: 90, ellipsoidal_height_m: 0 })[2]).toBeCloseTo(6356752.3142, 4);
  });

  it.each([chongqing, { lon: 7.42, lat: 43.73, ellipsoidal_height_m: 51 }, { lon: -70, lat: -33, ellipsoidal_height_m: 5000 }])(
    'comes back to where it came from',
    (place) => {
      const back = geodeticFromEcef(ecefFromGeodetic(place));
      expect(back.lon).toBeCloseTo(place.lon, 10);
      expect(back.lat).toBeCloseTo(place.lat, 10);
      expect(back.ellipsoidal_height_m).toBeCloseTo(place.ellipsoidal_height_m, 6);
    },
  );
});

describe('LocalFrame', () => {
  const frame = new LocalFrame(chongqing);

  it('is zero at its origin', () => {
    for (const value of frame.enuFromGeodetic(chongqing)) expect(value).toBeCloseTo(0, 8);
  });

  it('has x east, y north, z up', () => {
    const [e, n, u] = frame.enuFromGeodetic({ lon: 106.587, lat: 29.573, ellipsoidal_height_m: 330 });
    expect(e).toBeGreaterThan(960);
    expect(e).toBeLessThan(975);
    expect(n).toBeGreaterThan(1105);
    expect(n).toBeLessThan(1112);
    expect(u).toBeCloseTo(99.83, 1);
  });

  it('goes there and back', () => {
    const place = { lon: 106.7, lat: 29.4, ellipsoidal_height_m: 612 };
    const back = frame.geodeticFromEnu(frame.enuFromGeodetic(place));
    expect(back.lon).toBeCloseTo(place.lon, 9);
    expect(back.lat).toBeCloseTo(place.lat, 9);
    expect(back.ellipsoidal_height_m).toBeCloseTo(612, 5);
  });
});
