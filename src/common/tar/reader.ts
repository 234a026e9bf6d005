import type { Entry } from './entry.ts';
import { TarError } from './error.ts';
import { applyRecords, type Extended } from './extended.ts';
import { BLOCK, type EntryKind, at as field, kinds, padded } from './format.ts';
import { checksumOf, type HeaderBytes, plainHeaderBytes, signedChecksum, usual, usualNumbers } from './header.ts';
import { headerNumber } from './numbers.ts';
import { paxRecords } from './pax.ts';
import { type Faults, takeOldMap, takePaxMap } from './sparse-map.ts';
import { Window } from './window.ts';

export interface TarReaderOptions {
  /** Bytes of the archive that are held in memory. */
  windowBytes?: number;
  /** How headers are read; default: by loops in TypeScript. */
  headerBytes?: HeaderBytes;
  maximumEntries?: number;
  /** Of all files together, holes in sparse files included. */
  maximumBytes?: number;
}

/** Longest header about an entry: path, link, pax records. As Go's archive/tar. */
const MAXIMUM_EXTENDED = 1 << 20;
/** Headers about one entry. More than a writer has reason for, and each may be a mebibyte. */
const MAXIMUM_HEADERS = 16;
/** Behind the end of the archive: writers fill up to a record, which may be large. */
const MAXIMUM_TRAILER = 64 << 20;

/** The checksum of nothing but zeros: its own field counts as spaces. */
const SUM_OF_ZEROS = 8 * 0x20;

const none = new Uint8Array(0);

/**
 * Reads an archive from its beginning to its end: `next()` gives an entry, `available()` and `take()` its data, and what
 * is not taken is passed over. Formats: V7, ustar, pax, GNU, star, and GNU's four sparse formats.
 */
export class TarReader {
  readonly window: Window;
  /** Entries and bytes of files so far. */
  entries = 0;
  bytes = 0;
  readonly #headerBytes: HeaderBytes;
  /** Numbers of the header that was met last. */
  #usual: RegExpExecArray | null = null;
  readonly #maximumEntries: number;
  readonly #maximumBytes: number;
  readonly #global: Extended = {};
  #hasGlobal = false;
  /** Data of the entry that are not taken yet, and what fills up their last block. */
  #left = 0;
  #padding = 0;
  #name: Uint8Array | undefined;
  readonly #faults: Faults = {
    cut: (how) => this.#cut(how),
    wrong: (problem, name, kind) => this.#wrong(problem, name, kind),
  };

  constructor(read: (into: Uint8Array) => number, options: TarReaderOptions = {}) {
    this.window = new Window(read, options.windowBytes ?? 65536);
    this.#headerBytes = options.headerBytes ?? plainHeaderBytes;
    this.#maximumEntries = options.maximumEntries ?? Number.MAX_SAFE_INTEGER;
    this.#maximumBytes = options.maximumBytes ?? Number.MAX_SAFE_INTEGER;
  }

  /** The next entry, or undefined at the end of the archive. */
  next(): Entry | undefined {
    this.#passOver();
    this.#name = undefined;
    this.entries++;
    let extended: Extended | undefined;
    let longName: Uint8Array | undefined;
    let longLink: Uint8Array | undefined;
    for (let headers = 0; headers <= MAXIMUM_HEADERS; headers++) {
      const { window } = this;
      if (!window.need(BLOCK))
        throw this.#cut(window.end === window.at ? 'its end is missing' : 'it ends inside a header');
      const { bytes, at } = window;
      this.#usual = usualNumbers(bytes, at, this.#headerBytes);
      const wanted = this.#checksum(at);
      const sum = checksumOf(bytes, at, this.#headerBytes);
      if (sum === SUM_OF_ZEROS && wanted === 0) {
        if (headers > 0) throw this.#wrong('the archive ends before the entry that its last header is about');
        this.entries--;
        this.#end();
        return undefined;
      }
      if (this.entries > this.#maximumEntries)
        throw this.#wrong(`more than ${this.#maximumEntries} entries`, undefined, 'exhausted');
      if (sum !== wanted && signedChecksum(bytes, at) !== wanted) {
        this.#name ??= text(bytes, at, 100);
        throw this.#wrong('does not match the header', 'checksum');
      }
      const flag = bytes[at + field.type] as number;
      const kind = kinds[flag];
      if (kind !== undefined) {
        window.at += BLOCK;
        if (this.#hasGlobal) extended = { ...this.#global, ...extended };
        return this.#entry(at, flag, kind, longName, longLink, extended);
      }
      window.at += BLOCK;
      const size = this.#number(at, 'size');
      switch (flag) {
        case 0x4c: // L
          longName = this.#longText(size);
          this.#name = longName;
          break;
        case 0x4b: // K
          longLink = this.#longText(size);
          break;
        case 0x78: // x
        case 0x58: // X, Solaris's
          extended ??= {};
          this.#records(extended, size);
          this.#name = extended.path ?? this.#name;
          break;
        case 0x67: // g
          this.#records(this.#global, size);
          this.#hasGlobal = true;
          break;
        case 0x56: // V, the volume's label
          this.#left = size;
          this.#padding = padded(size) - size;
          this.#passOver();
          break;
        default:
          this.#name ??= text(bytes, at, 100);
          throw this.#wrong(`unknown type flag 0x${flag.toString(16)}`, 'type', 'unsupported');
      }
    }
    throw this.#wrong(`more than ${MAXIMUM_HEADERS} headers about one entry`, undefined, 'exhausted');
  }

  /** How many bytes of the entry's data stand in the window now; 0 when all are taken. */
  available(): number {
    if (this.#left === 0) return 0;
    const { window } = this;
    if (window.at === window.end && !window.need(1)) throw this.#cut('it ends inside the data of this entry');
    return Math.min(this.#left, window.end - window.at);
  }

  /** Marks data as used. */
  take(count: number): void {
    this.window.at += count;
    this.#left -= count;
  }

  /** Bytes of data that are neither taken nor in the window. */
  get ahead(): number {
    return Math.max(0, this.#left - (this.window.end - this.window.at));
  }

  /** Data that did not pass through the window, which is empty. */
  tookPast(count: number): void {
    this.#left -= count;
  }

  #passOver(): void {
    const count = this.#left + this.#padding;
    if (count > 0) {
      if (this.window.skip(count) < count) throw this.#cut('it ends inside the data of this entry');
      this.#left = 0;
      this.#padding = 0;
    }
  }

  #entry(
    at: number,
    flag: number,
    kindOfFlag: EntryKind,
    longName: Uint8Array | undefined,
    longLink: Uint8Array | undefined,
    extended: Extended | undefined,
  ): Entry {
    const { bytes } = this.window;
    let kind = kindOfFlag;
    const sparse = kind === 'file' ? extended?.sparse : undefined;
    const name = sparse?.name ?? extended?.path ?? longName ?? nameOf(bytes, at);
    this.#name = name;
    if (kind === 'file' && name[name.length - 1] === 0x2f) kind = 'directory';
    const linked = kind === 'link' || kind === 'symlink';
    const device = kind === 'character' || kind === 'block';
    const size = kindOfFlag === 'file' || flag === 0x44 ? (extended?.size ?? this.#number(at, 'size')) : 0;
    const entry: Entry = {
      kind,
      name,
      link: linked ? (extended?.linkpath ?? longLink ?? text(bytes, at + field.link, 100)) : none,
      mode: this.#number(at, 'mode') & 0o7777,
      uid: extended?.uid ?? this.#number(at, 'uid'),
      gid: extended?.gid ?? this.#number(at, 'gid'),
      size,
      realSize: size,
      modified: extended?.mtime ?? { seconds: this.#number(at, 'mtime'), nanoseconds: 0 },
      accessed: extended?.atime,
      major: device ? (extended?.major ?? this.#number(at, 'devmajor')) : 0,
      minor: device ? (extended?.minor ?? this.#number(at, 'devminor')) : 0,
      attributes: extended?.attributes ? [...extended.attributes.values()] : noAttributes,
      segments: undefined,
      entry: this.entries,
    };
    this.#padding = padded(size) - size;
    if (flag === 0x53) {
      entry.realSize = this.#number(at, 'realsize');
      takeOldMap(entry, this.window, at, this.#faults);
    } else if (sparse && kind === 'file') takePaxMap(entry, sparse, this.window, this.#faults);
    this.#left = entry.size;
    this.bytes += entry.realSize;
    if (this.bytes > this.#maximumBytes)
      throw this.#wrong(`more than ${this.#maximumBytes} bytes of files`, undefined, 'exhausted');
    return entry;
  }

  #longText(size: number): Uint8Array {
    return text(this.#extendedData(size), 0, size);
  }

  #records(into: Extended, size: number): void {
    const records = paxRecords(this.#extendedData(size));
    if (typeof records === 'string') throw this.#wrong(records, 'extended header');
    const wrong = applyRecords(into, records);
    if (wrong !== undefined) throw this.#wrong('the value is wrong', wrong);
  }

  #extendedData(size: number): Uint8Array {
    if (size > MAXIMUM_EXTENDED) throw this.#wrong(`a header of ${size} bytes about an entry`, undefined, 'exhausted');
    const data = this.window.copy(size);
    const padding = padded(size) - size;
    if (!data || this.window.skip(padding) < padding) throw this.#cut('it ends inside a header');
    return data;
  }

  #checksum(at: number): number {
    if (this.#usual) return Number.parseInt(this.#usual[usual.checksum] as string, 8);
    const place = at + field.checksum;
    // Writers have room for it in octal.
    return (this.window.bytes[place] as number) & 0x80 ? Number.NaN : headerNumber(this.window.bytes, place, 8);
  }

  /** A number of the header that begins at `at`, in any form. */
  #number(at: number, name: keyof typeof numberFields): number {
    const { usually, offset, length }: NumberField = numberFields[name];
    if (this.#usual && usually !== undefined) return Number.parseInt(this.#usual[usually] as string, 8);
    const value = headerNumber(this.window.bytes, at + offset, length);
    if (!(value >= 0) && !(name === 'mtime' && value < 0)) throw this.#wrong('not a number that tar can hold', name);
    return value;
  }

  /** After a block of zeros: another one or nothing, and then whatever fills up the writer's last record. */
  #end(): void {
    const { window } = this;
    window.at += BLOCK;
    const more = window.need(BLOCK);
    this.#usual = null;
    const { bytes, at } = window;
    if (more && (checksumOf(bytes, at, this.#headerBytes) !== SUM_OF_ZEROS || this.#checksum(at) !== 0))
      throw new TarError(
        { name: undefined, entry: this.entries + 1 },
        'follows a block of zeros, which ends the archive',
      );
    if (window.skip(MAXIMUM_TRAILER) === MAXIMUM_TRAILER)
      throw new TarError(
        { name: undefined, entry: this.entries },
        `more than ${MAXIMUM_TRAILER} bytes behind the last entry`,
        {
          kind: 'exhausted',
        },
      );
  }

  #cut(how: string): TarError {
    return this.#wrong(`the archive is cut off: ${how}`);
  }

  #wrong(problem: string, name?: string, kind: 'invalid' | 'exhausted' | 'unsupported' = 'invalid'): TarError {
    const details = name === undefined ? { kind } : { kind, field: name };
    return new TarError({ name: this.#name, entry: this.entries }, problem, details);
  }
}

const noAttributes: never[] = [];

interface NumberField {
  /** Its place in the usual form, if it is part of that. */
  usually?: number;
  offset: number;
  length: number;
}

const numberFields = {
  mode: { usually: usual.mode, offset: field.mode, length: 8 },
  uid: { usually: usual.uid, offset: field.uid, length: 8 },
  gid: { usually: usual.gid, offset: field.gid, length: 8 },
  size: { usually: usual.size, offset: field.size, length: 12 },
  mtime: { usually: usual.mtime, offset: field.mtime, length: 12 },
  devmajor: { offset: field.major, length: 8 },
  devminor: { offset: field.minor, length: 8 },
  realsize: { offset: field.gnuRealSize, length: 12 },
} satisfies { readonly [name: string]: NumberField };

/** A field that is ended by NUL, unless it is full. */
function text(bytes: Uint8Array, at: number, room: number): Uint8Array {
  const end = bytes.indexOf(0, at);
  return bytes.slice(at, end < 0 || end > at + room ? at + room : end);
}

const ustar = [0x75, 0x73, 0x74, 0x61, 0x72, 0];
const star = [0x74, 0x61, 0x72, 0];

/** The name field, after the prefix if the format has one: GNU keeps times there. */
function nameOf(bytes: Uint8Array, at: number): Uint8Array {
  const name = text(bytes, at, 100);
  if (bytes[at + field.prefix] === 0 || ustar.some((byte, place) => bytes[at + field.magic + place] !== byte))
    return name;
  const isStar = star.every((byte, place) => bytes[at + field.starTrailer + place] === byte);
  const prefix = text(bytes, at + field.prefix, isStar ? 131 : 155);
  const whole = new Uint8Array(prefix.length + 1 + name.length);
  whole.set(prefix);
  whole[prefix.length] = 0x2f;
  whole.set(name, prefix.length + 1);
  return whole;
}
