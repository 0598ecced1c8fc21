import { BufferAttribute, BufferGeometry, Group, Matrix4, Mesh, Vector3 } from 'three';
import { describe, expect, it } from 'vitest';
import { viewOf } from '../src/three/cameraRig';
import { FeatureColours } from '../src/three/featureColours';
import { featureBoxes, meshesOfTile, spread } from '../src/three/featureMesh';
import { GlowMap } from '../src/three/glowMap';
import { PropertyTable } from '../src/three/propertyTable';
import { qualityFor } from '../src/three/quality';
import { SceneFrame } from '../src/three/sceneFrame';

function twoFeatures(): Mesh {
  const geometry = new BufferGeometry();
  geometry.setAttribute('position', new BufferAttribute(new Int16Array([0, 0, 0, 32, 64, 0, 320, 0, 320, 352, 32, 352]), 3));
  geometry.setAttribute('_feature_id_0', new BufferAttribute(new Uint16Array([0, 0, 1, 1]), 1));
  return new Mesh(geometry);
}

describe('SceneFrame', () => {
  const frame = new SceneFrame({ lon: 106.56, lat: 29.56, ellipsoidal_height_m: 200 });

  it('lays x west, y up, z north', () => {
    const east = frame.sceneFromGeodetic({ lon: 106.57, lat: 29.56, ellipsoidal_height_m: 200 });
    const north = frame.sceneFromGeodetic({ lon: 106.56, lat: 29.57, ellipsoidal_height_m: 300 });
    expect(east.x).toBeLessThan(-960);
    expect(Math.abs(east.z)).toBeLessThan(1);
    expect(north.z).toBeGreaterThan(1100);
    expect(north.y).toBeCloseTo(99.9, 0);
  });

  it('goes there and back', () => {
    const place = { lon: 106.6, lat: 29.5, ellipsoidal_height_m: 321 };
    const back = frame.geodeticFromScene(frame.sceneFromGeodetic(place));
    expect(back.lon).toBeCloseTo(place.lon, 9);
    expect(back.ellipsoidal_height_m).toBeCloseTo(321, 4);
  });
});

describe('viewOf', () => {
  it('stands behind and above what it looks at', () => {
    const { eye } = viewOf(new Vector3(0, 0, 0), 0, -30, 100);
    expect(eye.z).toBeCloseTo(-86.6, 1);
    expect(eye.y).toBeCloseTo(50, 6);
    // Looking east means standing in the west, where the scene's x is positive.
    expect(viewOf(new Vector3(), 90, 0, 100).eye.x).toBeCloseTo(100, 6);
  });
});

describe('a mesh by feature', () => {
  it('has a box for each, in the scene', () => {
    const boxes = featureBoxes([twoFeatures()], new Matrix4().makeScale(1 / 32, 1 / 32, 1 / 32), 2);
    expect([...boxes]).toEqual([0, 0, 0, 1, 2, 0, 10, 0, 10, 11, 1, 11]);
  });

  it('has one box for a feature with parts in several meshes of a tile', () => {
    const first = twoFeatures();
    const tile = new Group().add(first, twoFeatures(), new Group());
    const second = tile.children[1] as Mesh;
    second.geometry.translate(64, 0, 0);
    expect(meshesOfTile(first)).toEqual([first, second]);
    expect(meshesOfTile(new Mesh())).toHaveLength(1);
    const boxes = featureBoxes(meshesOfTile(second), new Matrix4(), 2);
    expect([...boxes]).toEqual([0, 0, 0, 96, 64, 0, 320, 0, 320, 416, 32, 352]);
  });

  it('spreads values over its vertices', () => {
    const attribute = spread(twoFeatures(), new Uint8Array([1, 2, 3, 4]), 2);
    expect([...(attribute.array as Uint8Array)]).toEqual([1, 2, 1, 2, 3, 4, 3, 4]);
  });
});

describe('FeatureColours', () => {
  it('uploads whole rows, and only those that changed', () => {
    const colours = new FeatureColours(3000);
    const texture = colours.uniform.value;
    colours.set(Uint32Array.of(1030, 2100), Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    expect(texture.updateRanges).toEqual([
      { start: 4096, count: 4096 },
      { start: 8192, count: 4096 },
    ]);
    expect([...(texture.image.data as Uint8Array).subarray(1030 * 4, 1030 * 4 + 4)]).toEqual([1, 2, 3, 4]);
  });

  it('grows and keeps what it knew', () => {
    const colours = new FeatureColours(10);
    colours.set(Uint32Array.of(3), Uint8Array.of(9, 9, 9, 9));
    colours.ensure(5000);
    const bytes = colours.uniform.value.image.data as Uint8Array;
    expect(bytes.length).toBeGreaterThan(5000 * 4);
    expect(bytes[12]).toBe(9);
  });
});

describe('GlowMap', () => {
  it('shines where light was added and nowhere else', () => {
    const map = new GlowMap(5120);
    map.add(0, 0, 5, { radius_m: 40, height_m: 150, neon: 1 });
    map.add(1e6, 1e6, 5, { radius_m: 40, height_m: 150 });
    expect(map.refresh()).toBe(true);
    expect(map.refresh()).toBe(false);
    const bytes = map.texture.image.data as Uint8Array;
    const centre = (256 * 512 + 256) * 4;
    expect(bytes[centre]).toBeGreaterThan(10);
    expect(bytes[centre + 1]).toBe(128);
    expect(bytes[0]).toBe(0);
  });
});

describe('PropertyTable', () => {
  const accessor = {
    count: 2,
    definition: { properties: { height_m: { values: 0 }, kind: { values: 1 }, id: { values: 2 } } },
    class: {
      properties: {
        height_m: { type: 'SCALAR', componentType: 'FLOAT32' },
        kind: { type: 'ENUM', enumType: 'kinds' },
        id: { type: 'STRING' },
        levels: { type: 'SCALAR', componentType: 'UINT8' },
      },
    },
    enums: { kinds: { valueType: 'UINT8', values: [{ name: 'office', value: 1 }] } },
    data: [new Float32Array([12.5, 30]).buffer, new Uint8Array([1, 1]).buffer, null],
    getPropertyValue: (_name: string, row: number) => ['w1', 'w2'][row],
  };
  const mesh = new Mesh();
  mesh.userData = { structuralMetadata: { tableAccessors: [accessor] } };
  const table = PropertyTable.of(mesh);

  it('reads numbers, enumerations and texts', () => {
    expect([...(table?.numbers('height_m') ?? [])]).toEqual([12.5, 30]);
    expect(table?.numbers('kind')?.[0]).toBe(1);
    expect(table?.enumNames('kind').get(1)).toBe('office');
    expect(table?.text('id', 1)).toBe('w2');
  });

  it('has nothing to say of what is not stored', () => {
    expect(table?.numbers('levels')).toBeNull();
    expect(table?.text('name', 0)).toBeNull();
    expect(table?.text('id', 2)).toBeNull();
    expect(PropertyTable.of(new Mesh())).toBeNull();
  });
});

describe('quality', () => {
  it('is low on software renderers', () => {
    expect(qualityFor('ANGLE (Google, Vulkan 1.3.0 (SwiftShader Device), SwiftShader driver)')).toBe('low');
    expect(qualityFor('NVIDIA GeForce RTX 4070')).toBe('medium');
    expect(qualityFor('')).toBe('medium');
  });
});
