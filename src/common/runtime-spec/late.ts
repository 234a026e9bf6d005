// Checks whose code is loaded when their field is met.
import { lazy } from '#common/lazy.ts';
import type { Check } from '../check/check.ts';
import type * as rareChecks from './rare.ts';

const rarePart = lazy<typeof rareChecks>('config-rare');

export function rare(name: keyof rareChecks.RareChecks): Check {
  return (value) => rarePart().checks[name](value);
}
