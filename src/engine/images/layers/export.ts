import type { Readable } from 'node:stream';
import type { SnapshotRoot } from './snapshots.ts';
import { startTool } from './tool.ts';

export interface Exported {
  /** A tar archive. */
  output: Readable;
  /** Throws what was wrong; the archive is not whole then. */
  done: Promise<void>;
}

/**
 * All files of a root filesystem as one archive, as `importImage` takes it; the same files give the same bytes. What is
 * mounted over it in a container is not in it. `program` is proa-pack. Who stops reading ends it.
 */
export function exportRoot(root: SnapshotRoot, program: string): Exported {
  const layers =
    root.kind === 'directory'
      ? [root.path]
      : [...(root.overlay.upper === undefined ? [] : [root.overlay.upper]), ...root.overlay.lower];
  const [upper = '', ...lower] = layers;
  const words = ['--merged', '--root-too', '--upper', upper, ...lower.flatMap((path) => ['--lower', path])];
  const { child, ended } = startTool(program, words, 'the archive of the root filesystem');
  child.stdin.destroy();
  child.stdout.on('close', () => child.kill());
  return { output: child.stdout, done: ended };
}
