import { kindOf, ProaError } from '#common/errors.ts';
import { shown, splitPath } from '#native/unpack/names.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { type DetailedStatus, detailedStatusOf } from '#sys/files.ts';
import * as raw from '#sys/raw/file.ts';
import { Archive } from './archive.ts';
import type { PackOptions } from './options.ts';
import { type Found, openFound, walk } from './walk.ts';

/** Writes the layer that the upper directory of an overlay is: OCI image-spec, "Image Layer Filesystem Changeset". */
export class Packer {
  readonly #archive: Archive;
  readonly #rootToo: boolean;

  constructor({ uidMap, gidMap, clampSeconds, rootToo }: PackOptions) {
    this.#rootToo = rootToo;
    this.#archive = new Archive({ uidMap, gidMap, clampSeconds, shortened: 'fail' });
  }

  pack(upper: OwnedFd): void {
    if (this.#rootToo) this.#archive.add(upper, './');
    for (const found of walk(upper)) {
      try {
        this.#add(found);
      } catch (cause) {
        throw new ProaError(`Cannot pack "${shown(found.path)}"`, { kind: kindOf(cause), cause });
      }
    }
    this.#archive.end();
  }

  #add(found: Found): void {
    const { path } = found;
    using handle = openFound(found);
    const status = detailedStatusOf(handle.number, '');
    if (isWhiteout(status)) {
      const { parent, name } = splitPath(path);
      this.#whiteout(`${parent === '' ? '' : `${parent}/`}.wh.${name}`);
      return;
    }
    const { opaque } = this.#archive.add(handle, path, status);
    if (status.kind !== 'directory') return;
    if (opaque) this.#whiteout(`${path}/.wh..wh..opq`);
    found.enter();
  }

  #whiteout(name: string): void {
    const modified = { seconds: 0, nanoseconds: 0 };
    const none = { link: '', mode: 0, uid: 0, gid: 0, size: 0, major: 0, minor: 0, attributes: [] };
    this.#archive.header({ kind: 'file', name, modified, ...none });
  }
}

export function isWhiteout({ mode, special }: Pick<DetailedStatus, 'mode' | 'special'>): boolean {
  return (mode & raw.S_IFMT) === raw.S_IFCHR && special.major === 0 && special.minor === 0;
}
