import { ProaError } from '#common/errors.ts';
import { exists, readText } from '#sys/files.ts';
import { type CgroupRecord, isVersion2, ROOT } from './record.ts';

/** The cgroups that a process is in, as if we had made them: for containers of other runtimes. cgroups(7). */
export function cgroupOfProcess(pid: number): CgroupRecord {
  const unified = isVersion2();
  const directories: Record<string, string> = {};
  let longest = '';
  for (const line of readText(`/proc/${pid}/cgroup`).split('\n')) {
    const match = /^(\d+):([^:]*):(\/.*)$/.exec(line);
    if (!match) continue;
    const [, hierarchy, controllers = '', path = ''] = match;
    // What is still in the root was not put there by a runtime.
    if (path === '/') continue;
    if (unified && hierarchy === '0') directories['unified'] = `${ROOT}${path}`;
    else if (!unified && controllers !== '') {
      const name = controllers.replace(/^name=/, '');
      if (exists(`${ROOT}/${name}${path}`)) directories[name] = `${ROOT}/${name}${path}`;
    } else continue;
    if (path.length > longest.length) longest = path;
  }
  if (Object.keys(directories).length === 0) {
    throw new ProaError(`process ${pid} is in no cgroup of its own`, {
      kind: 'unsupported',
      remedy: 'The runtime has to put containers into cgroups: without them, what they leave cannot be found',
    });
  }
  return { version: unified ? 2 : 1, path: longest, directories };
}
