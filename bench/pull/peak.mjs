import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const PAUSE_MILLISECONDS = 20;

/** The most memory that a process, and its children together, had since they began, until what `begin` starts has ended. */
export async function peakWhile(pid, begin) {
  const helpers = new Map();
  let isOver = false;
  const ended = begin().finally(() => {
    isOver = true;
  });
  // Children that end between two looks had no time for much.
  while (!isOver) {
    for (const child of childrenOf(pid)) {
      // The last of what is seen: until it executes its program, a child has its parent's memory.
      const peak = peakOf(child);
      if (peak > 0) helpers.set(child, peak);
    }
    await sleep(PAUSE_MILLISECONDS);
  }
  await ended;
  return { engineBytes: peakOf(pid), helperBytes: [...helpers.values()].reduce((sum, peak) => sum + peak, 0) };
}

function childrenOf(pid) {
  return readProc(`${pid}/task/${pid}/children`).split(' ').filter(Boolean);
}

function peakOf(pid) {
  return Number(/^VmHWM:\s*(\d+)/m.exec(readProc(`${pid}/status`))?.[1] ?? 0) * 1024;
}

function readProc(name) {
  try {
    return readFileSync(`/proc/${name}`, 'utf8').trim();
  } catch {
    // It has ended.
    return '';
  }
}
