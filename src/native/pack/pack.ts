import { kindOf, ProaError } from '#common/errors.ts';
import { shown, splitPath } from '#native/unpack/names.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { Archive } from './archive.ts';
import type { Difference } from './differences.ts';
import type { PackOptions } from './options.ts';

/** Writes differences as a layer: OCI image-spec, "Image Layer Filesystem Changeset". */
export class Packer {
  readonly #archive: Archive;
  readonly #rootToo: boolean;

  constructor({ uidMap, gidMap, clampSeconds, rootToo }: PackOptions) {
    this.#rootToo = rootToo;
    this.#archive = new Archive({ uidMap, gidMap, clampSeconds, shortened: 'fail' });
  }

  pack(root: OwnedFd, differences: Iterable<Difference>): void {
    if (this.#rootToo) this.#archive.add(root, './');
    for (const difference of differences) {
      try {
        this.#add(difference);
      } catch (cause) {
        throw new ProaError(`Cannot pack "${shown(difference.path)}"`, { kind: kindOf(cause), cause });
      }
    }
    this.#archive.end();
  }

  #add({ path, now, byOverlay }: Difference): void {
    if (!now) {
      const { parent, name } = splitPath(path);
      this.#whiteout(`${parent === '' ? '' : `${parent}/`}.wh.${name}`);
      return;
    }
    const { opaque } = this.#archive.add(now.handle, path, now.status);
    if (byOverlay && opaque && now.status.kind === 'directory') this.#whiteout(`${path}/.wh..wh..opq`);
  }

  #whiteout(name: string): void {
    const modified = { seconds: 0, nanoseconds: 0 };
    const none = { link: '', mode: 0, uid: 0, gid: 0, size: 0, major: 0, minor: 0, attributes: [] };
    this.#archive.header({ kind: 'file', name, modified, ...none });
  }
}
