import type { Process } from '#common/runtime-spec/types.ts';
import { utf8 } from '#sys/bytes.ts';
import { check } from '#sys/errors.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { openPath } from '#sys/files.ts';
import { attachMount, cloneMount } from '#sys/mounts.ts';
import { makeInRoot, openInRoot } from '#sys/paths.ts';
import { AT_EMPTY_PATH, dup3, fchownat, O_NOCTTY, O_RDWR } from '#sys/raw/file.ts';
import { sendMessage } from '#sys/sockets.ts';
import { openPeer, setControllingTerminal, setWindowSize } from '#sys/terminals.ts';

/**
 * Gives the process a terminal of the container's own devpts and sends its master side to `console`. The slave side is
 * opened through the master, never by its path, which the image could have replaced (CVE-2025-52565).
 */
export function openTerminal(root: OwnedFd | undefined, { user, consoleSize }: Process, console: OwnedFd): void {
  const path = '/dev/pts/ptmx';
  // Inside the container already: its root is ours.
  using base = openPath('/');
  using master = openInRoot((root ?? base).number, path, O_RDWR | O_NOCTTY);
  using slave = openPeer(master);
  if (consoleSize) setWindowSize(master, { rows: consoleSize.height, columns: consoleSize.width });
  if (root !== undefined) {
    using place = makeInRoot(root.number, '/dev/console', 'file');
    using copy = cloneMount('', { at: slave.number, object: '/dev/console' });
    attachMount(copy, place, '/dev/console');
  }
  if (user.uid !== 0) check(fchownat(slave.number, '', user.uid, -1 >>> 0, AT_EMPTY_PATH), 'fchownat', 'terminal');
  sendMessage(console, utf8('/dev/ptmx'), [master.number]);
  console.close();
  setControllingTerminal(slave);
  for (const fd of [0, 1, 2]) check(dup3(slave.number, fd, 0), 'dup3', 'terminal');
}
