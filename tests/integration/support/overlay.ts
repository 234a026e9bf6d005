import { execFileSync } from 'node:child_process';

/** Mounts layers with the options of overlayfs, also where those are long. */
export function mountOverlay(options: string, path: string): void {
  // util-linux 2.39 and newer: by default through fsconfig(2), which takes at most 255 bytes for a value.
  const env = { ...process.env, LIBMOUNT_FORCE_MOUNT2: 'always' };
  execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', options, path], { env });
}
