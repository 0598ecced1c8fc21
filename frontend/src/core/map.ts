/** What panels may ask of the map, without knowing how it is drawn. */

import type { Place } from './geodesy';

export interface FlightTarget extends Place {
  /** How far the eye stands from the place; chosen from the object's height where it is left out. */
  distance_m?: number;
  /** How far below the horizon the eye looks there. */
  pitch_deg?: number;
}

export interface MapCommands {
  home(): void;
  flyTo(target: FlightTarget): Promise<void>;
  /** Draws the object's outline as selected; null clears. */
  highlight(target: { layer: string; index: number } | null): void;
}
