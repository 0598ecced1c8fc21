import { describe, expect, it } from 'vitest';
import { daylightAt, litShare, showLight, sunDirectionAt } from '../src/core/daylight';

const latitude = 29.56;
const hours = Array.from({ length: 97 }, (_, i) => i / 4);

describe('the sun', () => {
  it('rises in the east, culminates in the south, sets in the west', () => {
    expect(sunDirectionAt(6, latitude)[0]).toBeCloseTo(1, 6);
    expect(sunDirectionAt(18, latitude)[0]).toBeCloseTo(-1, 6);
    const [, north, up] = sunDirectionAt(12, latitude);
    expect(north).toBeLessThan(0);
    expect((Math.asin(up) * 180) / Math.PI).toBeCloseTo(90 - latitude, 6);
  });

  it('stands in the north on the southern half', () => {
    expect(sunDirectionAt(12, -33)[1]).toBeGreaterThan(0);
  });
});

describe('daylight', () => {
  it('knows noon from night', () => {
    expect(daylightAt(12, latitude).night).toBe(0);
    expect(daylightAt(21, latitude).night).toBe(1);
    expect(daylightAt(21, latitude).stars).toBe(1);
  });

  it('never jumps within five minutes', () => {
    for (const hour of hours) {
      const now = daylightAt(hour, latitude);
      const soon = daylightAt(hour + 1 / 12, latitude);
      expect(Math.abs(soon.night - now.night), `night at ${hour}`).toBeLessThan(0.25);
      for (const key of ['zenith', 'horizon', 'ambientUp'] as const) {
        now[key].forEach((value, i) => {
          expect(Math.abs((soon[key][i] ?? 0) - value), `${key} at ${hour}`).toBeLessThan(0.12);
        });
      }
    }
  });

  it('stays a colour at every hour', () => {
    for (const hour of hours) {
      for (const value of daylightAt(hour, latitude).horizon) {
        expect(value).toBeGreaterThan(0);
        expect(value).toBeLessThan(1);
      }
    }
  });
});

describe('lit windows', () => {
  it('are shares, also past midnight and for a group that does not exist', () => {
    for (const hour of [...hours, 25, -1]) {
      for (const group of [0, 1, 2, 3, 4, 9]) {
        expect(litShare(group, hour)).toBeGreaterThan(0);
        expect(litShare(group, hour)).toBeLessThan(1);
      }
    }
  });

  it('tell homes from offices', () => {
    expect(litShare(0, 21)).toBeGreaterThan(litShare(1, 21));
    expect(litShare(0, 3)).toBeLessThan(0.1);
  });

  it('join at midnight', () => {
    expect(litShare(0, 23.999)).toBeCloseTo(litShare(0, 0), 3);
  });
});

describe('decorative lighting', () => {
  it('is on in the evening, dimmed late, off by day', () => {
    expect(showLight(20.5)).toBe(1);
    expect(showLight(23.9)).toBeCloseTo(0.2, 6);
    expect(showLight(1)).toBeCloseTo(0.2, 6);
    expect(showLight(11)).toBe(0);
    expect(showLight(14)).toBe(0);
  });
});
