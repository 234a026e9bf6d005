/** A C type as structures use it on both machines: width in bytes, `s` for signed. */
export type FieldType = 'u8' | 'u16' | 'u32' | 's32' | 'u64' | 's64';

const widths: Record<FieldType, number> = { u8: 1, u16: 2, u32: 4, s32: 4, u64: 8, s64: 8 };

type Values<F> = { [K in keyof F]?: number | bigint };

export interface Layout<F extends Record<string, FieldType>> {
  /** Name of the C structure, for the test that compares sizes with the headers. */
  readonly name: string;
  readonly size: number;
  readonly offsets: { readonly [K in keyof F]: number };
  /** A buffer with `values` in place and zero elsewhere. */
  pack(values: Values<F>): Uint8Array;
  /** One field of a structure that starts at `at`. 64-bit values are exact up to 2^53. */
  get(buffer: Uint8Array, field: keyof F, at?: number): number;
}

/** Declares a structure: fields in order, each aligned to its own width, as the C compilers of both machines do. */
export function layout<F extends Record<string, FieldType>>(name: string, fields: F, minimumSize = 0): Layout<F> {
  return new StructureLayout(name, fields, minimumSize);
}

/** Places are worked out when they are first asked for: a program declares many more structures than one run uses. */
class StructureLayout<F extends Record<string, FieldType>> implements Layout<F> {
  readonly name: string;
  readonly #fields: F;
  readonly #minimumSize: number;
  #offsets: { [K in keyof F]: number } | undefined;
  #size = 0;

  constructor(name: string, fields: F, minimumSize: number) {
    this.name = name;
    this.#fields = fields;
    this.#minimumSize = minimumSize;
  }

  get offsets(): { readonly [K in keyof F]: number } {
    return this.#offsets ?? this.#place();
  }

  get size(): number {
    if (!this.#offsets) this.#place();
    return this.#size;
  }

  #place(): { [K in keyof F]: number } {
    const offsets = {} as { [K in keyof F]: number };
    let size = 0;
    let widest = 1;
    for (const key in this.#fields) {
      const width = widths[this.#fields[key] as FieldType];
      size = Math.ceil(size / width) * width;
      offsets[key] = size;
      size += width;
      if (width > widest) widest = width;
    }
    this.#size = Math.max(this.#minimumSize, Math.ceil(size / widest) * widest);
    this.#offsets = offsets;
    return offsets;
  }

  pack(values: Values<F>): Uint8Array {
    const offsets = this.offsets;
    const buffer = new Uint8Array(this.#size);
    const view = new DataView(buffer.buffer);
    for (const key in values) {
      const value = values[key];
      if (value !== undefined) write(view, offsets[key], this.#fields[key] as FieldType, value);
    }
    return buffer;
  }

  get(buffer: Uint8Array, field: keyof F, at = 0): number {
    return read(
      new DataView(buffer.buffer, buffer.byteOffset),
      at + this.offsets[field],
      this.#fields[field] as FieldType,
    );
  }
}

function write(view: DataView, offset: number, type: FieldType, value: number | bigint): void {
  const width = widths[type];
  if (width === 8) {
    // Most 64-bit fields hold small numbers, and those cost far less than bigints.
    if (typeof value === 'number' && value >= 0 && value <= 0xffffffff) view.setUint32(offset, value, true);
    else view.setBigUint64(offset, BigInt.asUintN(64, BigInt(value)), true);
  } else if (width === 4) view.setUint32(offset, Number(value), true);
  else if (width === 2) view.setUint16(offset, Number(value), true);
  else view.setUint8(offset, Number(value));
}

function read(view: DataView, offset: number, type: FieldType): number {
  if (type === 'u64') return Number(view.getBigUint64(offset, true));
  if (type === 's64') return Number(view.getBigInt64(offset, true));
  if (type === 'u32') return view.getUint32(offset, true);
  if (type === 's32') return view.getInt32(offset, true);
  return type === 'u16' ? view.getUint16(offset, true) : view.getUint8(offset);
}
