import { door } from './door.ts';

/** Gives the kernel the memory that this process has taken and that holds nothing. For those that wait for long. */
export function trimMemory(): void {
  door.trim();
}

/** What children do not change of our present memory they have in common once they trim theirs. For who forks many. */
export function shareMemory(): void {
  door.share();
}

/** Has stack at hand for what is to come, so that nobody waits for it then. */
export function deepenStack(): void {
  door.deepen();
}
