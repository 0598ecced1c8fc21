/** Vertices of a tile's mesh by feature. */

import { BufferAttribute, Vector3, type BufferGeometry, type InterleavedBufferAttribute, type Matrix4, type Mesh } from 'three';

type Attribute = BufferAttribute | InterleavedBufferAttribute;

export function positionsOf(mesh: Mesh): Attribute {
  return mesh.geometry.getAttribute('position');
}

/** Row of the property table for a vertex; the loader writes attribute names in lower case. */
export function featureIdsOf(geometry: BufferGeometry): Attribute | null {
  return geometry.hasAttribute('_feature_id_0') ? geometry.getAttribute('_feature_id_0') : null;
}

/** All meshes of the tile that a mesh belongs to: the loader makes one of each primitive, side by side. */
export function meshesOfTile(mesh: Mesh): Mesh[] {
  return mesh.parent?.children.filter((object): object is Mesh => 'isMesh' in object) ?? [mesh];
}

/** Where each feature's vertices lie in the scene, over all meshes of a tile: rows of min x, y, z, max x, y, z. */
export function featureBoxes(meshes: readonly Mesh[], sceneFromMesh: Matrix4, count: number): Float64Array {
  const boxes = new Float64Array(count * 6);
  for (let row = 0; row < count; row += 1) boxes.set([Infinity, Infinity, Infinity, -Infinity, -Infinity, -Infinity], row * 6);
  for (const mesh of meshes) grow(boxes, mesh, sceneFromMesh);
  return boxes;
}

function grow(boxes: Float64Array, mesh: Mesh, sceneFromMesh: Matrix4): void {
  const ids = featureIdsOf(mesh.geometry);
  const positions = positionsOf(mesh);
  const at = new Vector3();
  for (let i = 0; i < positions.count; i += 1) {
    at.fromBufferAttribute(positions, i).applyMatrix4(sceneFromMesh);
    const o = (ids ? ids.getX(i) : 0) * 6;
    boxes[o] = Math.min(boxes[o] ?? 0, at.x);
    boxes[o + 1] = Math.min(boxes[o + 1] ?? 0, at.y);
    boxes[o + 2] = Math.min(boxes[o + 2] ?? 0, at.z);
    boxes[o + 3] = Math.max(boxes[o + 3] ?? 0, at.x);
    boxes[o + 4] = Math.max(boxes[o + 4] ?? 0, at.y);
    boxes[o + 5] = Math.max(boxes[o + 5] ?? 0, at.z);
  }
}

/** Copies a value of each feature to its vertices. */
export function spread(
  mesh: Mesh,
  values: Float32Array | Uint8Array,
  itemSize: number,
  options: { normalized?: boolean } = {},
): BufferAttribute {
  const ids = featureIdsOf(mesh.geometry);
  const { count } = positionsOf(mesh);
  const array = values instanceof Uint8Array ? new Uint8Array(count * itemSize) : new Float32Array(count * itemSize);
  for (let i = 0; i < count; i += 1) {
    const from = (ids ? ids.getX(i) : 0) * itemSize;
    for (let k = 0; k < itemSize; k += 1) array[i * itemSize + k] = values[from + k] ?? 0;
  }
  return new BufferAttribute(array, itemSize, options.normalized ?? false);
}
