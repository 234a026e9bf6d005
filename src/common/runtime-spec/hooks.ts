import { absolute, integer, list, object, texts } from '../check/check.ts';

/** A list of programs to run at a point of a container's life: config.md, "POSIX-platform Hooks". */
export const hooks = list(
  object({ __proto__: null, path: absolute, args: texts, env: texts, timeout: integer(1, 0x7fffffff) }, ['path']),
);
