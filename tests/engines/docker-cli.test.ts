// Docker's own client on our engine: what is the same under every engine.
import { testEngine } from './command-line.ts';
import { startProad } from './proad.ts';

testEngine({
  name: 'docker-cli',
  daemon: 'node',
  open: startProad,
  runOptions: (site) => ['--cgroup-parent', `/${site.cgroup}`, '--network', 'none'],
  remove: ['rm', '-f'],
});
