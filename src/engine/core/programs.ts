import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ProaError } from '#common/errors.ts';

/** The programs of the static binary that the engine starts. */
export interface Programs {
  agent: string;
  unpack: string;
  pack: string;
  files: string;
}

/** Those beside the engine's own program. Throws `unsupported` where one is missing. */
export function findPrograms(directory = dirname(fileURLToPath(import.meta.url))): Programs {
  const at = (name: string) => {
    const path = join(directory, name);
    if (existsSync(path)) return path;
    throw new ProaError(`the program "${path}" is missing`, {
      kind: 'unsupported',
      remedy: 'Copy all files of dist/ together',
    });
  };
  return { agent: at('proa-agent'), unpack: at('proa-unpack'), pack: at('proa-pack'), files: at('proa-files') };
}
