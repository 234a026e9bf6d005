import { type IdMap, toOutside } from './id-map.ts';

const REVISION_2 = 0x02000000;
const REVISION_3 = 0x03000000;
const SIZE_2 = 20;
const SIZE_3 = 24;

/**
 * A `security.capability` that means in a user namespace with this map what it means in the initial one: revision 3 names
 * the user outside who is root inside. One of revision 2 would be ignored there. capabilities(7), "File capability
 * extended attribute versioning".
 */
export function mappedCapability(value: Uint8Array, map: IdMap): Uint8Array {
  if (value.length !== SIZE_2 && value.length !== SIZE_3) return value;
  const copy = new Uint8Array(SIZE_3);
  copy.set(value);
  const view = new DataView(copy.buffer);
  const magic = view.getUint32(0, true);
  const revision = (magic & 0xff000000) >>> 0;
  if (revision !== REVISION_2 && revision !== REVISION_3) return value;
  const root = toOutside(map, revision === REVISION_3 ? view.getUint32(SIZE_2, true) : 0);
  if (root === undefined) return value;
  view.setUint32(0, REVISION_3 | (magic & 0xffffff), true);
  view.setUint32(SIZE_2, root, true);
  return copy;
}
