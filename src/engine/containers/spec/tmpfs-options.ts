import { ProaError } from '#common/errors.ts';

/** Mount options that a tmpfs can have: of mount(8) without those that make another mount, and of propagation. */
const flags = new Set(
  `defaults ro rw suid nosuid dev nodev exec noexec sync async dirsync mand nomand atime noatime diratime nodiratime relatime
  norelatime strictatime nostrictatime private rprivate shared rshared slave rslave unbindable runbindable`.split(
    /\s+/,
  ),
);

const bytes = /^\d+[kmgtpe]?$/i;
/** tmpfs(5), "Mount options"; Docker takes `nr_blocks` for the older name of `size`, in pages. */
const values: ReadonlyMap<string, RegExp> = new Map([
  ['size', /^\d+[kmgtpe]?%?$/i],
  ['mode', /^0*[0-7]{1,4}$/],
  ['uid', /^\d+$/],
  ['gid', /^\d+$/],
  ['nr_inodes', bytes],
  ['nr_blocks', bytes],
  ['mpol', /./],
  ['huge', /^(never|always|within_size|advise)$/],
]);

const defaults = ['noexec', 'nosuid', 'nodev'];

/** All options of a tmpfs for which `text` was asked: Docker CLI reference, "docker run", --tmpfs. Throws `invalid`. */
export function tmpfsOptions(text: string, field: string): string[] {
  const asked = text.split(',').filter(Boolean);
  for (const option of asked) {
    if (flags.has(option)) continue;
    const [name = '', value] = option.split(/=(.*)/s);
    if (value !== undefined && values.get(name)?.test(value)) continue;
    throw new ProaError(`${field}: invalid tmpfs option "${option}"`, { kind: 'invalid' });
  }
  return [...defaults, ...asked];
}
