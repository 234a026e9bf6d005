import { door } from './door.ts';

/** Gives the kernel the memory that this process has taken and that holds nothing. For those that wait for long. */
export function trimMemory(): void {
  door.trim();
}
