/** The property table of a loaded tile, column by column. */

import type { Mesh } from 'three';

/** What `EXT_structural_metadata` in 3d-tiles-renderer keeps of a table; its types leave this out. */
interface TableAccessor {
  count: number;
  definition: { properties: Record<string, { values: number } | undefined> };
  class: { properties: Record<string, { type: string; componentType?: string; enumType?: string } | undefined> };
  enums: Record<string, { values: { name: string; value: number }[] } | undefined>;
  data: (ArrayBuffer | null)[];
  getPropertyValue(name: string, row: number): unknown;
}

type NumberArray = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array;

const arrays: Record<string, new (buffer: ArrayBuffer) => NumberArray> = {
  UINT8: Uint8Array,
  INT8: Int8Array,
  UINT16: Uint16Array,
  INT16: Int16Array,
  UINT32: Uint32Array,
  INT32: Int32Array,
  FLOAT32: Float32Array,
};

export class PropertyTable {
  readonly #accessor: TableAccessor;

  private constructor(accessor: TableAccessor) {
    this.#accessor = accessor;
  }

  static of(mesh: Mesh): PropertyTable | null {
    const metadata = mesh.userData.structuralMetadata as { tableAccessors?: TableAccessor[] } | undefined;
    const accessor = metadata?.tableAccessors?.[0];
    return accessor ? new PropertyTable(accessor) : null;
  }

  get count(): number {
    return this.#accessor.count;
  }

  /** A column of numbers, or null where the table has none of this name. */
  numbers(name: string): NumberArray | null {
    const property = this.#accessor.class.properties[name];
    const stored = this.#accessor.definition.properties[name];
    if (!property || !stored) return null;
    const buffer = this.#accessor.data[stored.values];
    const type = property.type === 'ENUM' ? this.#enumType(property.enumType) : (property.componentType ?? '');
    const View = arrays[type];
    return buffer && View ? new View(buffer) : null;
  }

  /** Names of an enumerated column by value; empty where it is not enumerated. */
  enumNames(name: string): Map<number, string> {
    const property = this.#accessor.class.properties[name];
    const values = this.#accessor.enums[property?.enumType ?? '']?.values ?? [];
    return new Map(values.map((entry) => [entry.value, entry.name]));
  }

  text(name: string, row: number): string | null {
    if (!this.#accessor.definition.properties[name] || row >= this.count) return null;
    const value = this.#accessor.getPropertyValue(name, row);
    return typeof value === 'string' || typeof value === 'number' ? String(value) : null;
  }

  // The specification's default for enumerations is UINT16.
  #enumType(name: string | undefined): string {
    const entry = this.#accessor.enums[name ?? ''] as { valueType?: string } | undefined;
    return entry?.valueType ?? 'UINT16';
  }
}
