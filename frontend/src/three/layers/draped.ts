/**
 * Layers that lie on the ground: green, streets, rails; and their decks above it. A colour by day and a brightness by
 * night for each feature.
 */

import { Color, ShaderMaterial, Vector3, type Matrix4, type Mesh } from 'three';
import { brightnessOfRoad } from '../../core/kinds';
import { positionsOf, spread } from '../featureMesh';
import type { Plugin } from '../plugin';
import { PropertyTable } from '../propertyTable';
import { deckFragment, deckVertex, drapedVertex, greenFragment, railFragment, streetFragment } from '../shaders/draped';
import type { Viewer } from '../viewer';
import { Lamps } from './lamps';

export type DrapedName = 'green' | 'roads' | 'rail';

/** Colour by day (sRGB) and brightness by night of one feature. */
type Paint = (kind: string, table: PropertyTable | null, row: number) => { colour: string; brightness: number };

interface Style {
  renderOrder: number;
  errorTarget: number;
  fragmentShader: string;
  paint: Paint;
}

const greens: Record<string, string> = { forest: '#3d5a32', wood: '#3d5a32', grass: '#6f8a4a', farmland: '#8b8a55', cemetery: '#5d7350', pitch: '#5c8a52' };
const walks = new Set(['footway', 'steps', 'path', 'cycleway', 'pedestrian', 'track']);

const styles: Record<DrapedName, Style> = {
  green: {
    renderOrder: 1,
    errorTarget: 800,
    fragmentShader: greenFragment,
    paint: (kind) => ({ colour: greens[kind] ?? '#55733f', brightness: 0 }),
  },
  roads: {
    renderOrder: 3,
    errorTarget: 130,
    fragmentShader: streetFragment,
    paint: (kind) => ({ colour: walks.has(kind) ? '#a39a8c' : '#6b6a6a', brightness: brightnessOfRoad(kind) }),
  },
  rail: {
    renderOrder: 4,
    errorTarget: 28,
    fragmentShader: railFragment,
    paint: (_kind, table, row) => {
      const line = table?.text('colour', row);
      const coloured = line !== null && line !== undefined && /^#[0-9a-f]{6}$/i.test(line);
      return { colour: coloured ? line : '#8d857c', brightness: coloured ? 1 : 0.12 };
    },
  },
};

export class Draped implements Plugin {
  readonly #lamps: Lamps | null;

  constructor(
    private readonly name: DrapedName,
    private readonly url: string,
    withLamps = false,
  ) {
    this.#lamps = withLamps ? new Lamps() : null;
  }

  init(viewer: Viewer): void {
    const style = styles[this.name];
    const material = new ShaderMaterial({
      vertexShader: drapedVertex,
      fragmentShader: style.fragmentShader,
      uniforms: { ...viewer.atmosphere.uniforms },
      depthWrite: false,
    });
    const standing = new ShaderMaterial({
      vertexShader: deckVertex,
      fragmentShader: deckFragment,
      uniforms: { ...viewer.atmosphere.uniforms },
    });
    this.#lamps?.init(viewer);
    viewer.addTiles({
      name: this.name,
      url: this.url,
      errorTarget: style.errorTarget,
      renderOrder: style.renderOrder,
      material,
      standing,
      prepare: (mesh, sceneFromMesh) => {
        const paints = paintsOf(mesh, style.paint);
        mesh.geometry.setAttribute('aPaint', spread(mesh, paints, 4, { normalized: true }));
        if (this.name === 'roads') light(viewer, mesh, sceneFromMesh);
      },
      arrive: (mesh, sceneFromMesh) => {
        this.#lamps?.plant(mesh, sceneFromMesh);
      },
      discard: (mesh) => {
        this.#lamps?.discard(mesh);
      },
    });
  }

  dispose(): void {
    this.#lamps?.dispose();
  }
}

/** Streets light the ground around them. */
function light(viewer: Viewer, mesh: Mesh, sceneFromMesh: Matrix4): void {
  const { glowMap } = viewer.atmosphere;
  const positions = positionsOf(mesh);
  const paint = mesh.geometry.getAttribute('aPaint');
  const step = Math.max(1, Math.floor(positions.count / 6000));
  const at = new Vector3();
  for (let i = 0; i < positions.count; i += step) {
    at.fromBufferAttribute(positions, i).applyMatrix4(sceneFromMesh);
    glowMap.add(at.x, at.z, paint.getW(i) * 0.012 * step, { radius_m: 90, height_m: 4 });
  }
}

function paintsOf(mesh: Mesh, paint: Paint): Uint8Array {
  const table = PropertyTable.of(mesh);
  const kinds = table?.numbers('kind');
  const names = table?.enumNames('kind');
  const count = table?.count ?? 1;
  const paints = new Uint8Array(count * 4);
  const linear = new Color();
  for (let row = 0; row < count; row += 1) {
    const { colour, brightness } = paint(names?.get(kinds?.[row] ?? -1) ?? '', table, row);
    linear.set(colour);
    paints.set([linear.r * 255, linear.g * 255, linear.b * 255, brightness * 255], row * 4);
  }
  return paints;
}
