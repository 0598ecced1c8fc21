/** What each quality level draws. */

import type { Quality } from '../core/types';

export interface QualitySettings {
  bloom: boolean;
  antialias: boolean;
  /** A mirrored picture for the water, not only its approximation. */
  mirror: boolean;
  /** Water moves without anybody touching the page. */
  animate: boolean;
  maxPixelRatio: number;
  /** Multiplies every screen-space error: larger loads and draws less. */
  errorScale: number;
  lamps: boolean;
}

export const qualitySettings: Record<Quality, QualitySettings> = {
  low: { bloom: false, antialias: false, mirror: false, animate: false, maxPixelRatio: 1, errorScale: 1.4, lamps: true },
  medium: { bloom: true, antialias: true, mirror: false, animate: true, maxPixelRatio: 1.5, errorScale: 1, lamps: true },
  high: { bloom: true, antialias: true, mirror: true, animate: true, maxPixelRatio: 2, errorScale: 0.75, lamps: true },
};

/** The level for a machine that nobody chose one for: software renderers get the lowest. */
export function qualityFor(rendererName: string): Quality {
  return /swiftshader|llvmpipe|software|basic render/i.test(rendererName) ? 'low' : 'medium';
}

/** The graphics unit's name; empty where the browser keeps it to itself, null where there is no WebGL 2. */
export function graphicsName(): string | null {
  const context = document.createElement('canvas').getContext('webgl2');
  if (!context) return null;
  const info = context.getExtension('WEBGL_debug_renderer_info');
  const name: unknown = context.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : context.RENDERER);
  context.getExtension('WEBGL_lose_context')?.loseContext();
  return typeof name === 'string' ? name : '';
}
