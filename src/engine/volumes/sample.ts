// For tests: a store whose mounts are only noted.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { VolumeStore } from './store.ts';

export interface SampleStore {
  store: VolumeStore;
  root: string;
  /** What was asked of the machine, in its order. */
  done: string[];
  mounted: Set<string>;
}

export async function withStore(body: (sample: SampleStore) => Promise<void>): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'proa-volumes-'));
  const done: string[] = [];
  const mounted = new Set<string>();
  try {
    const store = await VolumeStore.open(root, {
      isMounted: ({ name }) => mounted.has(name),
      async mount({ name }) {
        done.push(`mount ${name}`);
        await sleep(5);
        mounted.add(name);
      },
      async unmount({ name }) {
        done.push(`unmount ${name}`);
        await sleep(5);
        mounted.delete(name);
      },
    });
    await body({ store, root, done, mounted });
  } finally {
    rmSync(root, { recursive: true });
  }
}
