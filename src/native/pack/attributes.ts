import type { Attribute } from '#common/tar/entry.ts';
import { byteText, kernelPath } from '#native/unpack/names.ts';
import { terminated } from '#sys/bytes.ts';
import { EOPNOTSUPP } from '#sys/errno.ts';
import { check } from '#sys/errors.ts';
import * as raw from '#sys/raw/file.ts';

const LONGEST = 65536;

/** The extended attributes of a file that belong into a layer, and whether it is an opaque directory of overlayfs. */
export function attributesOf(directory: number, name: raw.Path): { attributes: Attribute[]; opaque: boolean } {
  const text = typeof name === 'string' ? name : byteText(name.subarray(0, name.indexOf(0)));
  // Our own descriptor, and the last part is not followed: there are no calls that take a directory's descriptor.
  const path = kernelPath(`/proc/self/fd/${directory}/${text}`);
  const list = new Uint8Array(LONGEST);
  const length = raw.llistxattr(path, list);
  const attributes: Attribute[] = [];
  let opaque = false;
  if (length === -EOPNOTSUPP) return { attributes, opaque };
  check(length, 'llistxattr', text);
  for (let at = 0; at < length; ) {
    const end = list.indexOf(0, at);
    const attribute = list.slice(at, end);
    at = end + 1;
    const key = byteText(attribute);
    const isOverlays = key.startsWith('trusted.overlay.') || key.startsWith('user.overlay.');
    // Access control lists are of the file system that a layer comes from; Docker leaves them out, too.
    if (key.startsWith('system.') || (isOverlays && !key.endsWith('.opaque'))) continue;
    const value = new Uint8Array(LONGEST);
    const size = check(raw.lgetxattr(path, terminated(attribute), value), 'lgetxattr', key);
    if (isOverlays) opaque ||= size === 1 && value[0] === 0x79;
    else attributes.push({ name: attribute, value: value.slice(0, size) });
  }
  return { attributes, opaque };
}
