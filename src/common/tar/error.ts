import { type FailureKind, ProaError } from '../errors.ts';
import { printable } from './printable.ts';

/** Where in an archive something is. */
export interface Place {
  /** Its name, as far as it is known. */
  name: Uint8Array | undefined;
  /** Counts from 1. */
  entry: number;
}

/** What is wrong with an archive: the entry, the field where it is one field's fault, and what was found there. */
export class TarError extends ProaError {
  readonly field: string | undefined;

  constructor(place: Place, problem: string, { field, kind = 'invalid' }: { field?: string; kind?: FailureKind } = {}) {
    super(`${described(place)}: ${field === undefined ? '' : `${field}: `}${problem}`, { kind });
    this.name = 'TarError';
    this.field = field;
  }
}

/** `archive entry 12 "usr/bin/x"`. */
export function described({ name, entry }: Place): string {
  return `archive entry ${entry}${name === undefined || name.length === 0 ? '' : ` "${printable(name)}"`}`;
}
