import { join } from 'node:path';
import { testEngine } from './command-line.ts';
import { initPath, runtimePath } from './support.ts';

testEngine({
  name: 'podman',
  async open(site) {
    const options = {
      root: join(site.work, 'storage'),
      runroot: '/run/podman',
      tmpdir: '/run/podman-tmp',
      runtime: runtimePath,
      'cgroup-manager': 'cgroupfs',
      'storage-driver': 'vfs',
      'events-backend': 'file',
    };
    const flags = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
    return ['env', 'PODMAN_IGNORE_CGROUPSV1_WARNING=1', 'podman', ...flags];
  },
  runOptions: (site) => ['--cgroup-parent', `/${site.cgroup}`, '--init-path', initPath, '--network', 'none'],
  remove: ['rm', '-f', '-t', '0'],
});
