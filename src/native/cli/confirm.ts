import { textOf } from '#sys/bytes.ts';
import type { Session } from './session.ts';
import { InputStream } from './streams/input.ts';

/** Asks whether to go on; anything but yes is no. */
export async function confirm(session: Session, warning: string): Promise<boolean> {
  session.print(`${warning}\nAre you sure you want to continue? [y/N] `);
  using input = new InputStream(session.loop, 0);
  const answer = await input.read();
  return /^y(es)?\s*$/i.test(textOf(answer ?? new Uint8Array(0)).split('\n')[0] ?? '');
}
