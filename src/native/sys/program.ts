import { setLoader } from '#common/lazy.ts';
import { door } from './door.ts';
import { exit_group } from './raw/process.ts';

/**
 * Makes `main` the program: the host calls it, with the lazy parts of the program within reach, and ends the process
 * with what it answers.
 */
export function defineProgram(name: string, main: () => number): void {
  setLoader((part) => door.load(`${name}.${part}.js`));
  door.main = () => {
    exit_group(main());
    throw new RangeError('exit_group(2) returned');
  };
}
