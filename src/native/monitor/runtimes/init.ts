import type { Config } from '#common/runtime-spec/types.ts';
import { check, uninterrupted } from '#sys/errors.ts';
import { exists, openFile, renameFile } from '#sys/files.ts';
import { O_CREAT, O_TRUNC, O_WRONLY, sendfile } from '#sys/raw/file.ts';
import { getpid } from '#sys/raw/process.ts';

/** Where Docker has it too. */
const INSIDE = '/sbin/docker-init';
const CHUNK = 1 << 24;

/**
 * The configuration with proa-init as its first program, which starts the wanted one and reaps what that leaves behind.
 * `path` is where the copy of our binary is, or will be: who is privileged in the container could make the mount writable,
 * and must not reach the original.
 */
export function withInit<T extends Config>(config: T, path: string): T {
  if (!config.process) return config;
  copyOwnBinary(path);
  const mount = { destination: INSIDE, type: 'bind', source: path, options: ['bind', 'ro', 'nosuid', 'nodev'] };
  const process = { ...config.process, args: [INSIDE, '--', ...(config.process.args ?? [])] };
  return { ...config, process, mounts: [...(config.mounts ?? []), mount] };
}

function copyOwnBinary(path: string): void {
  if (exists(path)) return;
  // Two may do so at a time: each its own, and either will do.
  const temporary = `${path}.${getpid()}`;
  using from = openFile('/proc/self/exe');
  using to = openFile(temporary, { flags: O_WRONLY | O_CREAT | O_TRUNC, mode: 0o555 });
  for (;;) {
    const count = check(
      uninterrupted(() => sendfile(to.number, from.number, CHUNK)),
      'sendfile',
      temporary,
    );
    if (count === 0) break;
  }
  renameFile(temporary, path);
}
