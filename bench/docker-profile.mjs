import { release } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const repository = resolve(import.meta.dirname, '..');
const bundled = join(repository, 'build/bench/docker-seccomp.mjs');
await build({
  absWorkingDir: repository,
  entryPoints: ['src/common/docker-seccomp/index.ts'],
  outfile: bundled,
  bundle: true,
  format: 'esm',
  logLevel: 'warning',
});
const { dockerSeccomp } = await import(pathToFileURL(bundled));

/** Docker's default seccomp profile for this machine, as `linux.seccomp` of a configuration. */
export function dockerProfile(capabilities) {
  const [major, minor] = release().split('.').map(Number);
  const architecture = { x64: 'x86-64', arm64: 'aarch64' }[process.arch];
  return dockerSeccomp({ capabilities, architecture, kernel: { major, minor } });
}
