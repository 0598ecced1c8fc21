/** What every feature of the map is: it is started once, may be called each frame, and gives back what it took. */

import type { Viewer } from './viewer';

export interface Frame {
  /** Seconds since the viewer started; stands still where nothing may move. */
  time_s: number;
  /** Seconds since the frame before, at most 0.1. */
  delta_s: number;
}

export interface Plugin {
  init(viewer: Viewer): void;
  update?(frame: Frame): void;
  dispose(): void;
}
