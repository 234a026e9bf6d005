import { UsageError } from '../failures.ts';
import { containerOptions } from './options.ts';

/** Throws a UsageError where `--pull` has none of its words. */
export function checkPull(value: string): void {
  const { words } = containerOptions.pull;
  if (words.some((word) => word === value)) return;
  throw new UsageError(
    `invalid pull option: '${value}': must be one of ${words.map((word) => `"${word}"`).join(', ')}`,
  );
}
