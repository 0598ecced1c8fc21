/**
 * Street lamps along the larger roads.
 *
 * A street tile holds ribbons of triangles, each with one short side across the road, one long side along its edge
 * and one diagonal. Lamps stand along the middle one of the three lengths: the road's edge.
 */

import { AdditiveBlending, BufferAttribute, BufferGeometry, Points, ShaderMaterial, Vector3, type Matrix4, type Mesh } from 'three';
import { positionsOf } from '../featureMesh';
import type { Plugin } from '../plugin';
import { lampFragment, lampVertex } from '../shaders/lamps';
import type { Viewer } from '../viewer';

const spacing_m = 38;
const height_m = 8;
// Brightness from which a road has lamps that are drawn one by one.
const threshold = 0.5;

export class Lamps implements Plugin {
  #material: ShaderMaterial | null = null;

  init(viewer: Viewer): void {
    this.#material = new ShaderMaterial({
      vertexShader: lampVertex,
      fragmentShader: lampFragment,
      uniforms: { ...viewer.atmosphere.uniforms, uPixels: viewer.pixelsPerUnit },
      blending: AdditiveBlending,
      transparent: true,
      depthWrite: false,
    });
  }

  /** Adds lamps to a street mesh; they come and go with it. */
  plant(mesh: Mesh, sceneFromMesh: Matrix4): void {
    if (!this.#material) return;
    const geometry = lampGeometry(mesh, metreOf(sceneFromMesh));
    if (!geometry) return;
    const lamps = new Points(geometry, this.#material);
    lamps.renderOrder = 8;
    lamps.raycast = () => undefined;
    lamps.name = 'lamps';
    mesh.add(lamps);
  }

  discard(mesh: Mesh): void {
    for (const child of mesh.children) if (child instanceof Points) (child as Points).geometry.dispose();
  }

  dispose(): void {
    this.#material?.dispose();
  }
}

/** Steps of the quantised mesh in one metre. */
function metreOf(sceneFromMesh: Matrix4): number {
  return 1 / sceneFromMesh.getMaxScaleOnAxis();
}

function lampGeometry(mesh: Mesh, metre: number): BufferGeometry | null {
  const positions = positionsOf(mesh);
  const paint = mesh.geometry.getAttribute('aPaint');
  const index = mesh.geometry.getIndex();
  if (!index) return null;
  const places: number[] = [];
  const colours: number[] = [];
  const corners = [new Vector3(), new Vector3(), new Vector3()] as const;
  for (let t = 0; t < index.count; t += 3) {
    const first = index.getX(t);
    const brightness = paint.getW(first);
    if (brightness < threshold) continue;
    corners.forEach((corner, k) => corner.fromBufferAttribute(positions, index.getX(t + k)));
    const [from, to, length] = middleSide(corners);
    const count = Math.floor(length / metre / spacing_m + hash(t) * 0.999);
    for (let n = 0; n < count; n += 1) {
      const share = (n + 0.5) / count;
      places.push(from.x + (to.x - from.x) * share, from.y + (to.y - from.y) * share + height_m * metre, from.z + (to.z - from.z) * share);
      const white = hash(t + n * 13) > 0.72 ? 1 : 0;
      colours.push(1, white ? 0.86 : 0.58, white ? 0.66 : 0.22, brightness);
    }
  }
  if (places.length === 0) return null;
  const geometry = new BufferGeometry();
  geometry.setAttribute('position', new BufferAttribute(new Float32Array(places), 3));
  geometry.setAttribute('aLamp', new BufferAttribute(new Float32Array(colours), 4));
  return geometry;
}

function middleSide([a, b, c]: readonly [Vector3, Vector3, Vector3]): readonly [Vector3, Vector3, number] {
  const sides = [
    [a, b, a.distanceTo(b)],
    [b, c, b.distanceTo(c)],
    [c, a, c.distanceTo(a)],
  ] as const;
  return [...sides].sort((p, q) => p[2] - q[2])[1] ?? sides[0];
}

function hash(n: number): number {
  return (Math.imul(n ^ 0x5bd1e995, 0x2c1b3c6d) >>> 8) / 16777216;
}
