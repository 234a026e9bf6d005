import { setLoader } from '#common/lazy.ts';
import { utf8 } from './bytes.ts';
import { door } from './door.ts';
import { SIGCHLD } from './processes.ts';
import { write } from './raw/file.ts';
import { exit_group } from './raw/process.ts';
import { defaultSignal } from './signals.ts';

/**
 * Makes `main` the program: the host calls it, with the lazy parts of the program within reach, and the process ends with
 * what it answers. What it throws is a bug: said in a line, with where it was.
 */
export function defineProgram(name: string, main: () => number): void {
  setLoader((part) => door.load(`${name}.${part}.js`));
  door.main = () => {
    let status = 1;
    try {
      // Whoever started us may ignore it, and with that the ends of our children would be lost.
      defaultSignal(SIGCHLD);
      status = main();
    } catch (error) {
      const where = error instanceof Error ? (error.stack?.split('\n')[0] ?? '') : '';
      const text = utf8(`proa ${name}: ${error}${where}\n`);
      write(2, text, text.length);
    }
    exit_group(status);
    throw new RangeError('exit_group(2) returned');
  };
}
