import type { Attribute } from '#common/tar/entry.ts';
import { byteText } from '#native/unpack/names.ts';
import { terminated } from '#sys/bytes.ts';
import { ENODATA, EOPNOTSUPP, ERANGE } from '#sys/errno.ts';
import { check } from '#sys/errors.ts';
import * as raw from '#sys/raw/file.ts';

const LONGEST = 65536;
/** Enough for what files usually have: the kernel zeroes as many bytes at each call. */
const USUAL = 512;

/**
 * The extended attributes of what a handle names, also of a link, and whether it is an opaque directory of overlayfs.
 * `acls`: with access control lists, which are of the file system that a layer comes from; Docker leaves them out, too.
 */
export function attributesOf(handle: number, { acls = false } = {}): { attributes: Attribute[]; opaque: boolean } {
  // There are no calls that take an O_PATH descriptor; the link in /proc leads to the file itself, and ends there.
  const path = `/proc/self/fd/${handle}`;
  let list = new Uint8Array(USUAL);
  let length = raw.listxattr(path, list);
  if (length === -ERANGE) {
    list = new Uint8Array(LONGEST);
    length = raw.listxattr(path, list);
  }
  const attributes: Attribute[] = [];
  let opaque = false;
  if (length === -EOPNOTSUPP) return { attributes, opaque };
  check(length, 'listxattr');
  for (let at = 0; at < length; ) {
    const end = list.indexOf(0, at);
    const attribute = list.slice(at, end);
    at = end + 1;
    const key = byteText(attribute);
    const isOverlays = key.startsWith('trusted.overlay.') || key.startsWith('user.overlay.');
    const isLeftOut = key.startsWith('system.') && !(acls && key.startsWith('system.posix_acl_'));
    if (isLeftOut || (isOverlays && !key.endsWith('.opaque'))) continue;
    const value = new Uint8Array(LONGEST);
    const size = raw.getxattr(path, terminated(attribute), value);
    // Somebody has taken it away meanwhile.
    if (size === -ENODATA) continue;
    check(size, 'getxattr', key);
    if (isOverlays) opaque ||= size === 1 && value[0] === 0x79;
    else attributes.push({ name: attribute, value: value.slice(0, size) });
  }
  return { attributes, opaque };
}
