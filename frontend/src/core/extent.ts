/** How large the city is. */

import type { CityInfo } from './types';

const metresPerDegree = 111320;

/** The longer side of the city in metres. */
export function spanOf(city: CityInfo): number {
  const [west, south, east, north] = city.extent;
  const width_m = (east - west) * metresPerDegree * Math.cos((city.origin.lat * Math.PI) / 180);
  return Math.max(1000, width_m, (north - south) * metresPerDegree);
}
