import { stringArray } from './bytes.ts';
import { startBytes } from './environment.ts';
import { EIO } from './errno.ts';
import { check, SystemError } from './errors.ts';
import type { OwnedFd } from './fd.ts';
import { isReadOnly, statusOf } from './file-status.ts';
import { openFile } from './files.ts';
import { memoryFile } from './memory-file.ts';
import * as raw from './raw/file.ts';
import { execveat } from './raw/process.ts';

const SELF = '/proc/self/exe';
const ALL_SEALS = raw.F_SEAL_SEAL | raw.F_SEAL_SHRINK | raw.F_SEAL_GROW | raw.F_SEAL_WRITE;

/**
 * Makes sure that nobody can write to the file that this process runs from: its children can be seen from inside containers
 * before they execute what is there (CVE-2019-5736). host/host.c has seen to that in the quick way, with a read-only mount
 * of its own; where mounts may not be cloned, the program is executed once more from a sealed copy in memory.
 */
export function runDetached(): void {
  using self = openFile(SELF);
  if (isReadOnly(self.number) || isSealed(self)) return;
  using copy = sealedCopy(self);
  const { words, environment } = startBytes();
  const strings = stringArray(words);
  const variables = stringArray(environment);
  const result = execveat(copy.number, '', strings.pointers, variables.pointers, raw.AT_EMPTY_PATH);
  throw new SystemError('execveat', -result, 'a copy of our own binary that containers cannot write to');
}

/** Only files in memory have seals: fcntl(2), "File Sealing". */
function isSealed(file: OwnedFd): boolean {
  const seals = raw.fcntl(file.number, raw.F_GET_SEALS, 0);
  return seals > 0 && (seals & raw.F_SEAL_WRITE) !== 0;
}

function sealedCopy(file: OwnedFd): OwnedFd {
  const copy = memoryFile('proa', { executed: true });
  const { size } = statusOf(file.number);
  let sent = 0;
  while (sent < size) {
    const count = check(raw.sendfile(copy.number, file.number, size - sent), 'sendfile', SELF);
    if (count === 0) throw new SystemError('sendfile', EIO, SELF);
    sent += count;
  }
  check(raw.fcntl(copy.number, raw.F_ADD_SEALS, ALL_SEALS), 'fcntl', 'F_ADD_SEALS');
  return copy;
}
