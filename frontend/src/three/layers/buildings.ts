/** Buildings: what the facade shader needs to know of each, written beside its vertices when a tile arrives. */

import { ShaderMaterial, type IUniform, type Matrix4, type Mesh } from 'three';
import { groupOfBuilding, buildingGroup } from '../../core/kinds';
import { provenances } from '../../core/types';
import { FeatureColours } from '../featureColours';
import { featureBoxes, meshesOfTile, spread } from '../featureMesh';
import type { GlowMap } from '../glowMap';
import type { Plugin } from '../plugin';
import { PropertyTable } from '../propertyTable';
import { facadeFragment, facadeVertex } from '../shaders/facade';
import type { Viewer } from '../viewer';

const storey_m = 3.2;

export class Buildings implements Plugin {
  readonly selected: IUniform<number> = { value: -1 };
  readonly colours: FeatureColours;

  constructor(
    private readonly url: string,
    count: number,
  ) {
    this.colours = new FeatureColours(count);
  }

  init(viewer: Viewer): void {
    const { atmosphere } = viewer;
    const looks = {
      vertexShader: facadeVertex,
      fragmentShader: facadeFragment,
      uniforms: { ...atmosphere.uniforms, uState: this.colours.uniform, uSelected: this.selected },
    };
    viewer.addTiles({
      name: 'buildings',
      url: this.url,
      errorTarget: 32,
      renderOrder: 6,
      material: new ShaderMaterial(looks),
      pictured: (picture) =>
        new ShaderMaterial({ ...looks, defines: { PICTURE: 1 }, uniforms: { ...looks.uniforms, uPicture: { value: picture } } }),
      prepare: (mesh, sceneFromMesh) => {
        this.#prepare(mesh, sceneFromMesh, atmosphere.glowMap);
      },
    });
  }

  dispose(): void {
    this.colours.dispose();
  }

  /** A building may have parts in several meshes of its tile; the first of them speaks for all. */
  #prepare(mesh: Mesh, sceneFromMesh: Matrix4, glowMap: GlowMap): void {
    const meshes = meshesOfTile(mesh);
    if (meshes[0] !== mesh) return;
    const table = PropertyTable.of(mesh);
    const count = table?.count ?? 1;
    const boxes = featureBoxes(meshes, sceneFromMesh, count);
    const looks = describe(table, count, boxes);
    looks.index.forEach((index) => {
      this.colours.ensure(index);
    });
    for (const each of meshes) {
      each.geometry.setAttribute('aPlace', spread(each, looks.place, 4));
      each.geometry.setAttribute('aLook', spread(each, looks.look, 4));
      each.geometry.setAttribute('aIndex', spread(each, looks.index, 1));
    }
    shine(glowMap, looks, boxes);
  }
}

interface Looks {
  /** Centre x, centre z, ground y, height. */
  place: Float32Array;
  /** Floors, group, seed, provenance. */
  look: Uint8Array;
  index: Float32Array;
}

function describe(table: PropertyTable | null, count: number, boxes: Float64Array): Looks {
  const indices = table?.numbers('index');
  const heights = table?.numbers('height_m');
  const levels = table?.numbers('levels');
  const kinds = table?.numbers('kind');
  const kindNames = table?.enumNames('kind');
  const provenance = table?.numbers('provenance');
  const provenanceNames = table?.enumNames('provenance');
  const place = new Float32Array(count * 4);
  const look = new Uint8Array(count * 4);
  const index = new Float32Array(count);
  for (let row = 0; row < count; row += 1) {
    const box = boxes.subarray(row * 6, row * 6 + 6);
    const [x0 = 0, y0 = 0, z0 = 0, x1 = 0, y1 = 0, z1 = 0] = box;
    const height_m = heights?.[row] ?? y1 - y0;
    const floors = levels?.[row] ?? 0;
    index[row] = indices?.[row] ?? row;
    place.set([(x0 + x1) / 2, (z0 + z1) / 2, y1 - height_m, height_m], row * 4);
    const group = lookGroup(kindNames?.get(kinds?.[row] ?? -1) ?? '', height_m, index[row] ?? 0);
    const certainty = provenances.findIndex((name) => name === provenanceNames?.get(provenance?.[row] ?? -1));
    look.set(
      [Math.min(255, floors > 0 ? floors : Math.max(1, Math.round(height_m / storey_m))), group, seedOf(index[row] ?? 0), Math.max(0, certainty)],
      row * 4,
    );
  }
  return { place, look, index };
}

/** Where the data says no more than “a building”, some tall ones are taken for offices. */
function lookGroup(kind: string, height_m: number, index: number): number {
  if (kind !== '' && kind !== 'yes' && kind !== 'unknown') return groupOfBuilding(kind);
  return height_m > 60 && seedOf(index * 7 + 3) < 90 ? buildingGroup.office : buildingGroup.home;
}

/** 0 to 255, scattered: neighbours differ. */
function seedOf(index: number): number {
  return Math.imul(index ^ (index >>> 15), 0x2c1b3c6d) >>> 24;
}

function shine(glowMap: GlowMap, looks: Looks, boxes: Float64Array): void {
  const cell_m2 = glowMap.cell_m * glowMap.cell_m;
  for (let row = 0; row < looks.index.length; row += 1) {
    const [x = 0, z = 0, , height_m = 0] = looks.place.subarray(row * 4, row * 4 + 4);
    const box = boxes.subarray(row * 6, row * 6 + 6);
    const area_m2 = ((box[3] ?? 0) - (box[0] ?? 0)) * ((box[5] ?? 0) - (box[2] ?? 0));
    if (!Number.isFinite(area_m2)) continue;
    const floors = looks.look[row * 4] ?? 1;
    const shop = looks.look[row * 4 + 1] === buildingGroup.shop;
    const light = (2.4 * area_m2 * (0.16 + 0.03 * Math.min(floors, 40)) * (shop ? 1.8 : 1)) / cell_m2;
    glowMap.add(x, z, light, { radius_m: Math.max(70, glowMap.cell_m * 1.5), height_m, neon: shop || height_m > 90 ? 1 : 0.3 });
  }
}
