// Import this first in every program: it lets the lazy parts of the binary be found.
import { setLoader } from '#common/lazy.ts';
import { door } from './door.ts';

setLoader((name) => door.load(`${name}.js`));
