import type { FilesRoot } from '#common/protocol/files.ts';
import type { User } from '#common/runtime-spec/types.ts';
import { type AccountFiles, resolveUser } from '../spec/user.ts';
import { readFiles } from './tool.ts';

const PASSWD = '/etc/passwd';
const GROUP = '/etc/group';
/** Images come and go. */
const KEPT = 64;

/** Who containers run as, by the files of their own root filesystems. */
export class Accounts {
  readonly #program: string;
  /** Of images alone: their layers do not change. */
  readonly #ofImages = new Map<string, Promise<AccountFiles>>();

  constructor(program: string) {
    this.#program = program;
  }

  /** `image` names the content of `root` where no container has changed it. */
  async resolve(
    text: string,
    root: FilesRoot,
    { image, added }: { image?: string | undefined; added?: readonly string[] | undefined },
  ): Promise<User> {
    return resolveUser(text, await this.#files(root, image), added);
  }

  async #files(root: FilesRoot, image: string | undefined): Promise<AccountFiles> {
    if (image === undefined) return await this.#read(root);
    const known = this.#ofImages.get(image);
    if (known) return await known;
    const reading = this.#read(root);
    this.#ofImages.set(image, reading);
    reading.catch(() => this.#ofImages.delete(image));
    for (const oldest of this.#ofImages.keys()) {
      if (this.#ofImages.size <= KEPT) break;
      this.#ofImages.delete(oldest);
    }
    return await reading;
  }

  async #read(root: FilesRoot): Promise<AccountFiles> {
    const found = await readFiles(this.#program, root, [PASSWD, GROUP]);
    return { passwd: found[PASSWD] ?? null, group: found[GROUP] ?? null };
  }
}
