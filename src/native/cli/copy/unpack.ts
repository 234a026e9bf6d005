import type { Entry } from '#common/tar/entry.ts';
import { TarReader } from '#common/tar/reader.ts';
import { Attributes } from '#native/unpack/attributes.ts';
import { FileData } from '#native/unpack/file-data.ts';
import { Input } from '#native/unpack/input.ts';
import { byteText } from '#native/unpack/names.ts';
import { Unpacker } from '#native/unpack/unpacker.ts';
import { ownIds } from '#sys/credentials.ts';
import { openDirectory } from '#sys/files.ts';
import { headerBytes } from '#sys/header-bytes.ts';
import { umask } from '#sys/raw/file.ts';
import { openSignals, SIGHUP, SIGINT, SIGTERM } from '#sys/signals.ts';
import { type Rebase, rebasedName } from './names.ts';

/** Unpacks the archive on standard input into a directory: its files become those of the caller. */
export function unpackInto(path: string, rebase: Rebase): void {
  using root = openDirectory(path);
  using signals = openSignals([SIGHUP, SIGINT, SIGTERM]);
  const input = new Input(signals);
  umask(0);
  const own = ownIds();
  const reader = new RebasingReader((into) => input.read(into), rebase, own);
  const attributes = new Attributes({ uidMap: [], gidMap: [], asMade: false, own });
  new Unpacker({
    reader,
    root,
    whiteouts: 'none',
    keepsKinds: true,
    attributes,
    data: new FileData(reader, input),
  }).unpack();
}

class RebasingReader extends TarReader {
  readonly #rebase: Rebase;
  readonly #own: { uid: number; gid: number };

  constructor(read: (into: Uint8Array) => number, rebase: Rebase, own: { uid: number; gid: number }) {
    super(read, { headerBytes });
    this.#rebase = rebase;
    this.#own = own;
  }

  override next(): Entry | undefined {
    for (let entry = super.next(); entry; entry = super.next()) {
      const name = rebasedName(byteText(entry.name), this.#rebase);
      const link = entry.kind === 'link' ? rebasedName(byteText(entry.link), this.#rebase) : undefined;
      // An engine that sends anything else than was asked for is not followed.
      if (name === undefined || (entry.kind === 'link' && link === undefined)) continue;
      return { ...entry, ...this.#own, name: bytesOf(name), link: link === undefined ? entry.link : bytesOf(link) };
    }
    return undefined;
  }
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
