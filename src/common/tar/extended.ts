import type { Attribute } from './entry.ts';
import { decimal } from './numbers.ts';
import type { PaxRecord } from './pax.ts';
import { commaNumbers } from './sparse.ts';
import { paxTime, type Time } from './time.ts';

/** What extended headers say of an entry, in place of what its own header says. */
export interface Extended {
  path?: Uint8Array | undefined;
  linkpath?: Uint8Array | undefined;
  size?: number | undefined;
  uid?: number | undefined;
  gid?: number | undefined;
  mtime?: Time | undefined;
  atime?: Time | undefined;
  major?: number | undefined;
  minor?: number | undefined;
  /** By keyword, since a later record of a name replaces an earlier. */
  attributes?: Map<string, Attribute>;
  sparse?: Sparse;
}

export interface Sparse {
  /** Version 1.0: the map stands before the data. */
  mapInData: boolean;
  name?: Uint8Array;
  realSize?: number;
  /** Offsets and lengths in turns. */
  numbers: number[];
}

const attributePrefix = 'SCHILY.xattr.';
const sparsePrefix = 'GNU.sparse.';

/** Takes records into `into`, later ones over earlier; the keyword of one that is wrong, or undefined. */
export function applyRecords(into: Extended, records: readonly PaxRecord[]): string | undefined {
  for (const { key, value } of records) if (!applyRecord(into, key, value)) return key;
  return undefined;
}

const numberKeys: { readonly [key: string]: 'size' | 'uid' | 'gid' | 'major' | 'minor' } = {
  size: 'size',
  uid: 'uid',
  gid: 'gid',
  'SCHILY.devmajor': 'major',
  'SCHILY.devminor': 'minor',
};

function applyRecord(into: Extended, key: string, value: Uint8Array): boolean {
  const none = value.length === 0;
  const field = Object.hasOwn(numberKeys, key) ? numberKeys[key] : undefined;
  if (field !== undefined) {
    into[field] = none ? undefined : decimal(value);
    return none || !Number.isNaN(into[field]);
  }
  if (key === 'path' || key === 'linkpath') {
    into[key] = none ? undefined : value;
    // The kernel would stop at the NUL, and act on another name than the one that was checked.
    return !value.includes(0);
  }
  if (key === 'mtime' || key === 'atime') {
    into[key] = none ? undefined : paxTime(value);
    return none || into[key] !== undefined;
  }
  if (key.startsWith(attributePrefix)) {
    const name = Uint8Array.from(key.slice(attributePrefix.length), (character) => character.charCodeAt(0));
    into.attributes ??= new Map();
    into.attributes.set(key, { name, value });
    return name.length > 0 && !name.includes(0);
  }
  return key.startsWith(sparsePrefix) ? applySparse(into, key.slice(sparsePrefix.length), value) : true;
}

function applySparse(into: Extended, key: string, value: Uint8Array): boolean {
  into.sparse ??= { mapInData: false, numbers: [] };
  const { sparse } = into;
  const number = decimal(value);
  switch (key) {
    case 'major':
      sparse.mapInData = number === 1;
      return number === 0 || number === 1;
    case 'minor':
      return number === 0 || number === 1;
    case 'name':
      sparse.name = value;
      return value.length > 0 && !value.includes(0);
    case 'size':
    case 'realsize':
      sparse.realSize = number;
      return !Number.isNaN(number);
    case 'offset':
    case 'numbytes':
      sparse.numbers.push(number);
      return !Number.isNaN(number) && (sparse.numbers.length % 2 === 1) === (key === 'offset');
    case 'map':
      sparse.numbers = commaNumbers(value);
      return !sparse.numbers.some(Number.isNaN);
    default:
      return true;
  }
}
