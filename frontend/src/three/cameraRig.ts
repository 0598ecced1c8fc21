/** The eye: orbit controls that stay above the ground, the home view, and flights between views. */

import { PerspectiveCamera, Vector3 } from 'three';
import { OrbitControls } from 'three/addons/controls/OrbitControls.js';

export interface View {
  eye: Vector3;
  target: Vector3;
}

export interface RigLimits {
  /** How far the eye may go from what it looks at. */
  farthest_m: number;
  /** Highest ground under a point, or null where none is loaded. */
  groundAt: (x: number, z: number) => number | null;
}

const clearance_m = 14;
const flight_s = 1.8;
const zoomStep = 1.25;

interface Flight {
  from: View;
  to: View;
  lift_m: number;
  elapsed_s: number;
  arrived: () => void;
}

export class CameraRig {
  readonly camera = new PerspectiveCamera(42, 1, 4, 90000);
  readonly controls: OrbitControls;
  readonly #limits: RigLimits;
  #flight: Flight | null = null;

  constructor(canvas: HTMLCanvasElement, limits: RigLimits) {
    this.#limits = limits;
    const controls = new OrbitControls(this.camera, canvas);
    controls.enableDamping = true;
    controls.dampingFactor = 0.12;
    controls.screenSpacePanning = false;
    controls.zoomToCursor = true;
    controls.minDistance = 60;
    controls.maxDistance = limits.farthest_m;
    controls.maxPolarAngle = 1.53;
    controls.keyPanSpeed = 40;
    controls.listenToKeyEvents(canvas);
    controls.addEventListener('start', () => {
      this.#land();
    });
    this.controls = controls;
  }

  get flying(): boolean {
    return this.#flight !== null;
  }

  set(view: View): void {
    this.#land();
    this.camera.position.copy(view.eye);
    this.controls.target.copy(view.target);
    this.controls.update();
    this.#stayAbove();
  }

  /** Eases to a view; resolves on arrival, also when the user takes over. */
  fly(view: View): Promise<void> {
    this.#land();
    const from = { eye: this.camera.position.clone(), target: this.controls.target.clone() };
    const way_m = from.target.distanceTo(view.target);
    return new Promise((arrived) => {
      this.#flight = { from, to: view, lift_m: Math.min(900, way_m * 0.12), elapsed_s: 0, arrived };
    });
  }

  zoom(nearer: boolean): void {
    const { target } = this.controls;
    const offset = this.camera.position.clone().sub(target);
    offset.multiplyScalar(nearer ? 1 / zoomStep : zoomStep);
    offset.clampLength(this.controls.minDistance, this.controls.maxDistance);
    void this.fly({ eye: offset.add(target), target: target.clone() });
  }

  /** Moves the eye on; true while it has not come to rest. */
  update(delta_s: number): boolean {
    if (this.#flight) {
      this.#advance(this.#flight, delta_s);
      return true;
    }
    const moved = this.controls.update(delta_s);
    if (moved) this.#stayAbove();
    return moved;
  }

  resize(width: number, height: number): void {
    this.camera.aspect = width / height;
    // A narrow picture keeps the width of the view instead of its height.
    this.camera.fov = width >= height ? 42 : 58;
    this.camera.updateProjectionMatrix();
  }

  dispose(): void {
    this.#land();
    this.controls.dispose();
  }

  #advance(flight: Flight, delta_s: number): void {
    flight.elapsed_s += delta_s;
    const t = Math.min(1, flight.elapsed_s / flight_s);
    const share = t < 0.5 ? 4 * t ** 3 : 1 - (-2 * t + 2) ** 3 / 2;
    this.camera.position.lerpVectors(flight.from.eye, flight.to.eye, share);
    this.camera.position.y += Math.sin(share * Math.PI) * flight.lift_m;
    this.controls.target.lerpVectors(flight.from.target, flight.to.target, share);
    this.camera.lookAt(this.controls.target);
    this.#stayAbove();
    if (t === 1) this.#land();
  }

  /** Ends a flight where it is. */
  #land(): void {
    const flight = this.#flight;
    this.#flight = null;
    if (!flight) return;
    this.controls.update();
    flight.arrived();
  }

  #stayAbove(): void {
    const { position } = this.camera;
    const ground = this.#limits.groundAt(position.x, position.z);
    if (ground !== null && position.y < ground + clearance_m) position.y = ground + clearance_m;
    const above = ground === null ? position.y : position.y - ground;
    // Depth is finest where the near plane is far: high above the city nothing is close.
    const near = Math.min(40, Math.max(1.5, above * 0.05));
    if (Math.abs(near - this.camera.near) > this.camera.near * 0.1) {
      this.camera.near = near;
      this.camera.updateProjectionMatrix();
    }
  }
}

/** Where the eye stands to see a target from a direction. */
export function viewOf(target: Vector3, azimuth_deg: number, pitch_deg: number, distance_m: number): View {
  const azimuth = (azimuth_deg * Math.PI) / 180;
  const pitch = (pitch_deg * Math.PI) / 180;
  // Along the line of sight in east, north, up; the scene's x points west and its z north.
  const east = Math.sin(azimuth) * Math.cos(pitch);
  const north = Math.cos(azimuth) * Math.cos(pitch);
  const sight = new Vector3(-east, Math.sin(pitch), north);
  return { eye: target.clone().addScaledVector(sight, -distance_m), target };
}
