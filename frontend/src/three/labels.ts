/** Names on the map: plain text over the picture, the best known first, none over another. */

import { Vector3 } from 'three';
import { nameIn } from '../core/i18n';
import type { Language, MapLabel } from '../core/types';
import type { Plugin } from './plugin';
import type { Viewer } from './viewer';

export interface LabelOptions {
  chosen: (label: MapLabel) => void;
  /** Parts of the page that names stay clear of, in CSS pixels. */
  obstacles?: () => readonly DOMRect[];
}

interface Entry {
  label: MapLabel;
  place: Vector3;
  element: HTMLButtonElement;
  width: number;
  height: number;
  shown: boolean;
}

interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

const mostShown = 46;
const gap_px = 6;
// How far from the eye a name of each layer is still worth its place.
const reach_m: Record<string, number> = { landmarks: 14000, bridges: 9000, places: 22000, districts: 60000, rail_stations: 4500 };

export class Labels implements Plugin {
  #entries: Entry[] = [];
  #viewer: Viewer | null = null;
  #hidden: ReadonlySet<string> = new Set();
  readonly #projected = new Vector3();

  constructor(
    private readonly host: HTMLElement,
    private readonly options: LabelOptions,
  ) {}

  init(viewer: Viewer): void {
    this.#viewer = viewer;
  }

  /** Replaces the names; `labels` come best rank first. */
  set(labels: readonly MapLabel[], language: Language): void {
    const viewer = this.#viewer;
    if (!viewer) return;
    this.host.replaceChildren();
    this.#entries = labels.map((label) => ({
      label,
      place: viewer.frame.sceneFromGeodetic(label),
      element: this.#element(label),
      width: 0,
      height: 0,
      shown: false,
    }));
    this.host.append(...this.#entries.map((entry) => entry.element));
    this.translate(language);
  }

  translate(language: Language): void {
    for (const entry of this.#entries) {
      entry.element.textContent = nameIn(language, entry.label) ?? '';
      entry.element.lang = language === 'zh' ? 'zh-CN' : 'en';
    }
    for (const entry of this.#entries) {
      entry.width = entry.element.offsetWidth;
      entry.height = entry.element.offsetHeight;
    }
    this.#viewer?.invalidate();
  }

  /** Names of hidden layers are hidden with them. */
  hide(layers: ReadonlySet<string>): void {
    this.#hidden = layers;
    this.#viewer?.invalidate();
  }

  update(): void {
    const covered: readonly Box[] = this.options.obstacles?.() ?? [];
    const taken: Box[] = [];
    for (const entry of this.#entries) {
      const at = taken.length < mostShown ? this.#screen(entry) : null;
      const box = at && boxAround(at.x, at.y, entry);
      const free = box !== null && entry.width > 0 && ![...covered, ...taken].some((other) => overlap(box, other));
      if (free) {
        taken.push(box);
        entry.element.style.transform = `translate(${Math.round(box.left)}px, ${Math.round(box.top)}px)`;
      }
      if (free !== entry.shown) {
        entry.shown = free;
        entry.element.classList.toggle('shown', free);
        entry.element.tabIndex = free ? 0 : -1;
      }
    }
  }

  dispose(): void {
    this.host.replaceChildren();
    this.#entries = [];
  }

  #element(label: MapLabel): HTMLButtonElement {
    const element = document.createElement('button');
    element.type = 'button';
    element.className = `map-label ${label.layer}`;
    element.tabIndex = -1;
    element.addEventListener('click', () => {
      this.options.chosen(label);
    });
    return element;
  }

  #screen(entry: Entry): { x: number; y: number } | null {
    const viewer = this.#viewer;
    if (!viewer || this.#hidden.has('labels') || this.#hidden.has(entry.label.layer)) return null;
    const { camera, size } = viewer;
    if (entry.place.distanceTo(camera.position) > (reach_m[entry.label.layer] ?? 12000)) return null;
    const p = this.#projected.copy(entry.place).project(camera);
    if (p.z > 1 || p.z < -1 || Math.abs(p.x) > 1.02 || Math.abs(p.y) > 1.02) return null;
    return { x: ((p.x + 1) / 2) * size.width, y: ((1 - p.y) / 2) * size.height };
  }
}

/** A name stands above its place, on the tip of its stem. */
function boxAround(x: number, y: number, entry: Entry): Box {
  return { left: x - entry.width / 2, right: x + entry.width / 2, top: y - entry.height, bottom: y };
}

function overlap(p: Box, q: Box): boolean {
  return p.left < q.right + gap_px && q.left < p.right + gap_px && p.top < q.bottom + gap_px && q.top < p.bottom + gap_px;
}
