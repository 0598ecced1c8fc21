/** One tileset of the city in the scene: loads, prepares and replaces the materials of its tiles. */

import type { Tile } from '3d-tiles-renderer/core';
import { TilesRenderer } from '3d-tiles-renderer/three';
import { ImplicitTilingPlugin } from '3d-tiles-renderer/core/plugins';
import { GLTFExtensionsPlugin, ReorientationPlugin } from '3d-tiles-renderer/three/plugins';
import { Matrix4, Mesh, MathUtils, type Camera, type Group, type Material, type Object3D, type Texture } from 'three';
import { MeshoptDecoder } from 'three/addons/libs/meshopt_decoder.module.js';
import type { Place } from '../core/geodesy';

export interface TileLayerOptions {
  name: string;
  url: string;
  origin: Place;
  /** Screen-space error in pixels above which a tile is refined. */
  errorTarget: number;
  renderOrder: number;
  material: Material;
  /** For meshes that stand above the ground, if they look different: the tiles call their material `deck`. */
  standing?: Material;
  /** For meshes that have a picture; what it returns is thrown away with the mesh. */
  pictured?: (picture: Texture) => Material;
  /** Adds what the material needs to a tile's mesh; `sceneFromMesh` leads from its vertices to the scene. */
  prepare?: (mesh: Mesh, sceneFromMesh: Matrix4) => void;
  /** Called when a mesh has got its material: the place to add children of its own. */
  arrive?: (mesh: Mesh, sceneFromMesh: Matrix4) => void;
  /** Called when a mesh is thrown away. */
  discard?: (mesh: Mesh) => void;
}

/** Caches and queues that all tilesets of the city share, so that one does not starve the other. */
export interface SharedQueues {
  lruCache: TilesRenderer['lruCache'];
  downloadQueue: TilesRenderer['downloadQueue'];
  parseQueue: TilesRenderer['parseQueue'];
}

interface ImplicitTile {
  implicitTilingData?: { level: number };
}

interface ViewError {
  inView: boolean;
  error: number;
}

export class TileLayer {
  readonly name: string;
  readonly tiles: TilesRenderer;
  readonly #options: TileLayerOptions;
  /** Materials of single meshes. */
  readonly #own = new WeakMap<Mesh, Material>();
  #failed: Error | null = null;

  constructor(options: TileLayerOptions, shared: SharedQueues | null) {
    this.name = options.name;
    this.#options = options;
    // The schema of the metadata is resolved against this address, which therefore has to be absolute.
    this.tiles = new TilesRenderer(new URL(options.url, window.location.href).href);
    if (shared) Object.assign(this.tiles, shared);
    this.tiles.errorTarget = options.errorTarget;
    // What lies beside the view is not worth the wire; it comes when the eye turns.
    this.tiles.loadSiblings = false;
    this.tiles.loadAncestors = false;
    this.tiles.group.name = options.name;
    const { lon, lat, ellipsoidal_height_m } = options.origin;
    this.tiles.registerPlugin(new GLTFExtensionsPlugin({ meshoptDecoder: MeshoptDecoder, autoDispose: false }));
    this.tiles.registerPlugin(new ImplicitTilingPlugin());
    this.tiles.registerPlugin(
      new ReorientationPlugin({ lat: lat * MathUtils.DEG2RAD, lon: lon * MathUtils.DEG2RAD, height: ellipsoidal_height_m }),
    );
    this.tiles.registerPlugin({
      processTileModel: (scene: Object3D) => {
        this.#prepare(scene);
      },
      calculateTileViewError: (tile: Tile & ImplicitTile, target: ViewError) => this.#keepRoot(tile, target),
    });
    this.tiles.addEventListener('load-model', ({ scene }: { scene: Object3D }) => {
      this.#dress(scene);
    });
    this.tiles.addEventListener('dispose-model', ({ scene }: { scene: Object3D }) => {
      forEachMesh(scene, (mesh) => {
        options.discard?.(mesh);
        this.#own.get(mesh)?.dispose();
      });
    });
    this.tiles.addEventListener('load-error', ({ error }: { error: Error }) => {
      this.#failed = error;
    });
  }

  get group(): Group {
    return this.tiles.group;
  }

  get shared(): SharedQueues {
    const { lruCache, downloadQueue, parseQueue } = this.tiles;
    return { lruCache, downloadQueue, parseQueue };
  }

  get visible(): boolean {
    return this.group.visible;
  }

  set visible(visible: boolean) {
    this.group.visible = visible;
  }

  /** 0 to 1; 1 also where the tileset cannot be read, because nothing more will come. */
  get progress(): number {
    if (this.#failed && !this.tiles.rootTileset) return 1;
    return this.tiles.rootTileset ? this.tiles.loadProgress : 0;
  }

  /** Takes the last failure away. */
  takeFailure(): Error | null {
    const failed = this.#failed;
    if (this.tiles.rootTileset) this.#failed = null;
    return failed;
  }

  get visibleTiles(): number {
    return this.tiles.visibleTiles.size;
  }

  watch(camera: Camera, width: number, height: number): void {
    this.tiles.setCamera(camera);
    this.tiles.setResolution(camera, width, height);
  }

  dispose(): void {
    this.group.removeFromParent();
    this.tiles.dispose();
    this.#options.material.dispose();
    this.#options.standing?.dispose();
  }

  /** The tile is not in the scene yet: its matrices lead to ECEF, the group's from there on. */
  #prepare(scene: Object3D): void {
    const { prepare } = this.#options;
    if (!prepare) return;
    scene.updateMatrixWorld(true);
    forEachMesh(scene, (mesh) => {
      prepare(mesh, this.#sceneFromMesh(mesh));
    });
  }

  /**
   * An additive root is always shown. The renderer takes an implicit root's own content for a child of it and, seen
   * from afar, would leave it out as too small.
   */
  #keepRoot(tile: Tile & ImplicitTile, target: ViewError): boolean {
    if (tile.refine !== 'ADD' || tile.implicitTilingData?.level !== 0) return false;
    target.inView = true;
    target.error = this.tiles.errorTarget * 1.001;
    return true;
  }

  #sceneFromMesh(mesh: Mesh): Matrix4 {
    return new Matrix4().multiplyMatrices(this.group.matrixWorld, mesh.matrixWorld);
  }

  /** The shared material goes on last, so that disposing a tile disposes only what came with it. */
  #dress(scene: Object3D): void {
    scene.updateMatrixWorld(true);
    forEachMesh(scene, (mesh) => {
      const standing = stands(mesh) ? this.#options.standing : undefined;
      const picture = pictureOf(mesh);
      const own = picture ? this.#options.pictured?.(picture) : undefined;
      if (own) this.#own.set(mesh, own);
      mesh.material = own ?? standing ?? this.#options.material;
      mesh.renderOrder = standing ? 0 : this.#options.renderOrder;
      this.#options.arrive?.(mesh, this.#sceneFromMesh(mesh));
    });
  }
}

/** Whether a mesh that still has its own material is a solid above the ground. */
function stands(mesh: Mesh): boolean {
  return !Array.isArray(mesh.material) && mesh.material.name === 'deck';
}

/** The picture of a mesh that still has its own material. */
function pictureOf(mesh: Mesh): Texture | null {
  const material = mesh.material as Material & { map?: Texture | null };
  return material.map ?? null;
}

function forEachMesh(scene: Object3D, visit: (mesh: Mesh) => void): void {
  const meshes: Mesh[] = [];
  scene.traverse((object) => {
    if (object instanceof Mesh) meshes.push(object as Mesh);
  });
  meshes.forEach(visit);
}
