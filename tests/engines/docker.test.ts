import { testEngine } from './command-line.ts';
import { startDockerd } from './dockerd.ts';

testEngine({
  name: 'docker',
  daemon: 'dockerd',
  open: startDockerd,
  runOptions: () => [],
  remove: ['rm', '-f'],
});
