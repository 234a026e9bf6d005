import { TarReader } from '#common/tar/reader.ts';
import type { Read } from '#common/tar/window.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { headerBytes } from '#sys/header-bytes.ts';
import * as raw from '#sys/raw/file.ts';
import { getegid, geteuid } from '#sys/raw/process.ts';
import { blockSignals, openSignals, SIGHUP, SIGINT, SIGPIPE, SIGTERM } from '#sys/signals.ts';
import { Attributes } from './attributes.ts';
import { FileData } from './file-data.ts';
import type { Growth } from './growth.ts';
import type { IdMap } from './id-map.ts';
import { Input } from './input.ts';
import { type Placement, Unpacker } from './unpacker.ts';

/** Held in memory of the archive. Larger ones fall out of the processor's cache between read and write. */
const WINDOW = 1 << 18;

export interface ExtractOptions extends Placement {
  /** Where the archive comes from; default: standard input. */
  fd?: number;
  /** Of that, where it is a file that is still written. */
  growth?: Growth | undefined;
  /** What stands between that and the archive; default: nothing, and large files are moved without a copy. */
  through?: ((read: Read) => Read) | undefined;
  uidMap?: IdMap;
  gidMap?: IdMap;
  /** Everything is theirs, whatever the archive says. */
  owner?: { uid: number; gid: number };
  /** New files get this process's ids and just the permissions they are made with. */
  asMade?: boolean;
  /** Of all files together, holes included. */
  maximumBytes?: number;
  maximumEntries?: number;
}

export interface Extracted {
  entries: number;
  bytes: number;
  /** Devices and extended attributes that the kernel or the file system did not take. */
  refused: number;
}

/** Unpacks an archive into a directory, until a signal comes. What was made stays after a failure. */
export function extract(root: OwnedFd, options: ExtractOptions): Extracted {
  const ending = [SIGHUP, SIGINT, SIGTERM];
  blockSignals([...ending, SIGPIPE]);
  using signals = openSignals(ending);
  raw.umask(0);
  const { fd, growth, through, uidMap = [], gidMap = [], owner, asMade = false } = options;
  const { maximumBytes, maximumEntries } = options;
  const input = new Input(signals, { fd, growth });
  const read: Read = (into) => input.read(into);
  const reader = new TarReader(through ? through(read) : read, {
    windowBytes: WINDOW,
    headerBytes,
    ...(maximumBytes !== undefined && { maximumBytes }),
    ...(maximumEntries !== undefined && { maximumEntries }),
  });
  const own = { uid: geteuid(), gid: getegid() };
  const attributes = new Attributes({ uidMap, gidMap, owner, asMade, own });
  new Unpacker({
    ...options,
    reader,
    root,
    attributes,
    data: new FileData(reader, through ? undefined : input),
  }).unpack();
  return { entries: reader.entries, bytes: reader.bytes, refused: attributes.refused };
}
