import * as arm from './generated/arm.ts';
import * as x86 from './generated/x86.ts';

export type Machine = 'x86-64' | 'aarch64';

/**
 * The calls of all architectures that one machine runs. They share a table, since a profile names each call once and
 * nearly always lists all of them: one look-up answers for every architecture, and one module is loaded.
 */
export interface Calls {
  /** Name to slots: the native architecture's in the low ten bits, its 32-bit one's above; slot 0 is "no such call". */
  readonly numbers: { readonly [name: string]: number };
  /** By position: the native slots of the calls that x32 numbers 512 and up. */
  readonly x32Moved?: readonly number[];
  /** What the first argument of socketcall(2) and ipc(2) on i386 means, as pairs of its value and a slot. */
  readonly socketcall?: readonly (readonly [number, number])[];
  readonly ipc?: readonly (readonly [number, number])[];
}

/** Slots that a table can name, for both of its architectures. */
export const SLOTS = 1024;

export function callsOf(machine: Machine): Calls {
  return machine === 'x86-64' ? x86 : arm;
}
