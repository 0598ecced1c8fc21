/** Keys and clicks on the map's picture. */

import type { App } from '../core/app';
import type { CityMap } from './cityMap';

// A click that travels farther than this was a drag.
const clickSlack_px = 5;

export function listenToPicture(map: CityMap, app: App): void {
  const { canvas, rig } = map.viewer;
  let down: PointerEvent | null = null;
  canvas.tabIndex = 0;
  canvas.setAttribute('role', 'application');
  canvas.addEventListener('pointerdown', (event) => {
    down = event;
    // A ring around the whole picture helps only those who came by keyboard.
    canvas.classList.add('by-pointer');
    canvas.focus({ preventScroll: true });
  });
  canvas.addEventListener('pointerup', (event) => {
    const travelled = down ? Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) : Infinity;
    if (event.button === 0 && travelled < clickSlack_px) choose(map, app, event.offsetX, event.offsetY);
    down = null;
  });
  canvas.addEventListener('keydown', (event) => {
    canvas.classList.remove('by-pointer');
    if (event.key === '+' || event.key === '=') rig.zoom(true);
    else if (event.key === '-') rig.zoom(false);
    else if (event.key === 'h' || event.key === 'H') map.home();
    else if (event.key === 'Enter') choose(map, app, map.viewer.size.width / 2, map.viewer.size.height / 2);
    else return;
    map.viewer.invalidate();
  });
}

function choose(map: CityMap, app: App, x: number, y: number): void {
  const pick = map.pickAt(x, y);
  if (pick) void app.select(pick.id, { layer: pick.layer, index: pick.index });
  else app.clearSelection();
}
