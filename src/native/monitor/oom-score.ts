import { readText, writeFile } from '#sys/files.ts';

const FILE = '/proc/self/oom_score_adj';
/** Nearly never: -1000 would also hold for what is started from here, should it not be taken back. */
const KEEPER = '-999';

let before: string | undefined;

/**
 * When memory runs out, a container is to be ended before its keeper is. Lowering the score takes CAP_SYS_RESOURCE, which
 * this host's root may lack: then it stays; returns whether. proc_pid_oom_score_adj(5).
 */
export function protectKeepers(): boolean {
  const present = readText(FILE).trim();
  try {
    writeFile(FILE, KEEPER);
    before = present;
    return true;
  } catch {
    return false;
  }
}

/** For what is not a keeper: the score that there was, which its children inherit. */
export function giveUpProtection(): void {
  if (before !== undefined) writeFile(FILE, before);
}
