/**
 * The 3D view: one scene, the tilesets of the city in it, and a picture when something has changed.
 *
 * Features are plugins; the viewer knows none of them by name.
 */

import { ACESFilmicToneMapping, HalfFloatType, Raycaster, Scene, Vector3, WebGLRenderer, type IUniform, type PerspectiveCamera } from 'three';
import type { Place } from '../core/geodesy';
import { Signal } from '../core/signal';
import { Atmosphere } from './atmosphere';
import { CameraRig } from './cameraRig';
import type { Frame, Plugin } from './plugin';
import type { QualitySettings } from './quality';
import { SceneFrame } from './sceneFrame';
import { TileLayer, type SharedQueues, type TileLayerOptions } from './tileLayer';

export interface ViewerOptions {
  host: HTMLElement;
  origin: Place;
  /** Longest side of the city. */
  span_m: number;
  quality: QualitySettings;
  /** Multiplies every screen-space error: below 1 for a city so small that more of it fits on the wire. */
  coarseness?: number;
  /** No animation that nobody asked for. */
  still: boolean;
}

export interface Stats {
  drawCalls: number;
  triangles: number;
  tilesLoaded: number;
  loading: boolean;
  frames: number;
}

// A machine that needs longer than this for a picture draws none that nobody asked for.
const slowFrame_ms = 90;
const animationInterval_ms = 33;
const streamingInterval_ms = 200;
const longestFrame_ms = 3000;

export class Viewer {
  readonly renderer: WebGLRenderer;
  readonly scene = new Scene();
  readonly frame: SceneFrame;
  readonly atmosphere: Atmosphere;
  readonly rig: CameraRig;
  /** Pixels in which a length of one, seen from a distance of one, appears. */
  readonly pixelsPerUnit: IUniform<number> = { value: 1 };
  readonly progress = new Signal(0);
  readonly pictures = new Signal(0);
  readonly size = { width: 1, height: 1 };
  readonly #options: ViewerOptions;
  readonly #plugins: Plugin[] = [];
  readonly #layers = new Map<string, TileLayer>();
  readonly #raycaster = new Raycaster();
  readonly #observer: ResizeObserver;
  readonly #started_ms = performance.now();
  #shared: SharedQueues | null = null;
  #scheduled = 0;
  #timer = 0;
  #last_ms = 0;
  #drawn_ms = 0;
  #stale = true;
  #frame_ms = 16;
  /** Time deliberately let pass before the frame that comes next; null where none was asked for. */
  #pause_ms: number | null = null;

  constructor(options: ViewerOptions) {
    this.#options = options;
    const { quality, host } = options;
    this.renderer = new WebGLRenderer({
      antialias: quality.antialias,
      powerPreference: 'high-performance',
      ...(quality.bloom ? { outputBufferType: HalfFloatType } : {}),
    });
    this.renderer.toneMapping = ACESFilmicToneMapping;
    this.renderer.info.autoReset = false;
    this.renderer.setPixelRatio(Math.min(window.devicePixelRatio, quality.maxPixelRatio));
    host.prepend(this.renderer.domElement);
    this.frame = new SceneFrame(options.origin);
    this.atmosphere = new Atmosphere(options.origin.lat, options.span_m);
    this.rig = new CameraRig(this.renderer.domElement, {
      farthest_m: options.span_m * 2,
      groundAt: (x, z) => this.groundAt(x, z),
    });
    this.rig.controls.addEventListener('change', this.invalidate);
    this.#observer = new ResizeObserver(() => {
      this.#resize();
    });
    this.#observer.observe(host);
    document.addEventListener('visibilitychange', this.invalidate);
    this.#resize();
  }

  get camera(): PerspectiveCamera {
    return this.rig.camera;
  }

  get canvas(): HTMLCanvasElement {
    return this.renderer.domElement;
  }

  use(plugin: Plugin): void {
    this.#plugins.push(plugin);
    plugin.init(this);
  }

  addTiles(options: Omit<TileLayerOptions, 'origin'>): TileLayer {
    const { quality, coarseness = 1 } = this.#options;
    const errorTarget = options.errorTarget * quality.errorScale * coarseness;
    const layer = new TileLayer({ ...options, errorTarget, origin: this.#options.origin }, this.#shared);
    this.#shared ??= generous(layer.shared);
    layer.watch(this.camera, this.size.width, this.size.height);
    for (const event of ['load-root-tileset', 'load-model', 'tile-visibility-change', 'tiles-load-end', 'load-error']) {
      layer.tiles.addEventListener(event, this.invalidate);
    }
    layer.tiles.addEventListener('needs-update', this.#wake);
    this.scene.add(layer.group);
    this.#layers.set(options.name, layer);
    this.invalidate();
    return layer;
  }

  layer(name: string): TileLayer | null {
    return this.#layers.get(name) ?? null;
  }

  get layers(): TileLayer[] {
    return [...this.#layers.values()];
  }

  showLayer(name: string, visible: boolean): void {
    const layer = this.#layers.get(name);
    if (layer) layer.visible = visible;
  }

  /** Asks for a new picture; any number of times makes one. */
  readonly invalidate = (): void => {
    this.#stale = true;
    this.#wake();
  };

  /** Lets the tilesets look for what they need, without a new picture. */
  readonly #wake = (): void => {
    if (this.#scheduled === 0 && !document.hidden) this.#scheduled = requestAnimationFrame(this.#tick);
  };

  stats(): Stats {
    const { render } = this.renderer.info;
    return {
      drawCalls: render.calls,
      triangles: render.triangles,
      tilesLoaded: this.layers.reduce((sum, layer) => sum + layer.visibleTiles, 0),
      loading: this.loading,
      frames: this.pictures.value,
    };
  }

  get loading(): boolean {
    return this.layers.some((layer) => layer.progress < 1);
  }

  /** Resolves when all tiles of the view are there, nothing moves, and the picture shows it. */
  async idle(): Promise<void> {
    // One look of the tilesets may ask for more, so several in a row have to find nothing to do.
    for (let quiet = 0; quiet < 4; ) {
      this.#wake();
      await new Promise((resolve) => requestAnimationFrame(resolve));
      quiet = this.loading || this.rig.flying || this.#stale ? 0 : quiet + 1;
    }
    this.invalidate();
    await this.nextPicture();
  }

  nextPicture(): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.pictures.subscribe(() => {
        stop();
        resolve();
      });
    });
  }

  groundAt(x: number, z: number): number | null {
    const terrain = this.layer('terrain');
    if (!terrain) return null;
    this.#raycaster.set(new Vector3(x, 9000, z), new Vector3(0, -1, 0));
    return this.#raycaster.intersectObject(terrain.group, true)[0]?.point.y ?? null;
  }

  dispose(): void {
    cancelAnimationFrame(this.#scheduled);
    clearTimeout(this.#timer);
    this.#observer.disconnect();
    document.removeEventListener('visibilitychange', this.invalidate);
    for (const plugin of [...this.#plugins].reverse()) plugin.dispose();
    for (const layer of this.layers) layer.dispose();
    this.rig.dispose();
    this.atmosphere.dispose();
    this.renderer.dispose();
    this.canvas.remove();
  }

  readonly #tick = (now_ms: number): void => {
    this.#scheduled = 0;
    const delta_s = Math.min(0.25, (now_ms - this.#last_ms) / 1000);
    this.#timeFrame(now_ms);
    const moving = this.rig.update(delta_s);
    this.camera.updateMatrixWorld();
    for (const layer of this.layers) if (layer.visible) layer.tiles.update();
    if (this.atmosphere.glowMap.refresh()) this.#stale = true;
    this.progress.set(this.#loaded());
    const { loading } = this;
    // While tiles stream in, a new picture for each would keep them from coming.
    const due = moving || !loading || now_ms - this.#drawn_ms > Math.max(streamingInterval_ms, this.#frame_ms * 3);
    if ((this.#stale || moving) && due) this.#draw(now_ms, delta_s);
    if (moving || loading || this.#stale) this.#follow(0);
    else this.#animate();
  };

  /** The GPU works behind our back; how long it takes shows in when the next frame may begin. */
  #timeFrame(now_ms: number): void {
    if (this.#pause_ms !== null && this.#last_ms === this.#drawn_ms) {
      this.#frame_ms = Math.min(longestFrame_ms, Math.max(0, now_ms - this.#last_ms - this.#pause_ms));
    }
    this.#pause_ms = null;
    this.#last_ms = now_ms;
  }

  /** The next frame, after a pause. */
  #follow(pause_ms: number): void {
    this.#pause_ms = pause_ms;
    clearTimeout(this.#timer);
    if (pause_ms === 0) this.#wake();
    else this.#timer = window.setTimeout(this.invalidate, pause_ms);
  }

  #draw(now_ms: number, delta_s: number): void {
    this.#stale = false;
    this.#drawn_ms = now_ms;
    const frame: Frame = { time_s: this.#options.still ? 0 : (now_ms - this.#started_ms) / 1000, delta_s };
    this.atmosphere.setTime(frame.time_s);
    this.renderer.info.reset();
    for (const plugin of this.#plugins) plugin.update?.(frame);
    this.renderer.render(this.scene, this.camera);
    this.pictures.set(this.pictures.value + 1);
  }

  /** The next picture of moving water, unless nobody looks or the machine is too slow for it. */
  #animate(): void {
    const { quality, still } = this.#options;
    if (still || !quality.animate || this.#frame_ms > slowFrame_ms || document.hidden) return;
    this.#follow(animationInterval_ms);
  }

  #loaded(): number {
    const { layers } = this;
    if (layers.length === 0) return 0;
    return layers.reduce((sum, layer) => sum + layer.progress, 0) / layers.length;
  }

  #resize(): void {
    const { clientWidth, clientHeight } = this.#options.host;
    this.size.width = Math.max(1, clientWidth);
    this.size.height = Math.max(1, clientHeight);
    this.renderer.setSize(this.size.width, this.size.height);
    this.rig.resize(this.size.width, this.size.height);
    const half = Math.tan(((this.camera.fov / 2) * Math.PI) / 180);
    this.pixelsPerUnit.value = (this.size.height * this.renderer.getPixelRatio()) / (2 * half);
    for (const layer of this.layers) layer.watch(this.camera, this.size.width, this.size.height);
    this.invalidate();
  }
}

/** Room for a whole city: the default cache throws away tiles that the next turn of the head needs. */
function generous(shared: SharedQueues): SharedQueues {
  shared.lruCache.minSize = 1200;
  shared.lruCache.maxSize = 2400;
  return shared;
}
