import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configFromChanges } from './changes.ts';

test('configFromChanges() knows what an image’s defaults can be changed by', () => {
  const config = configFromChanges(
    [
      'CMD ["a", "b"]',
      'entrypoint run it',
      'ENV A=1 B="two words"',
      'ENV C three',
      'EXPOSE 80 53/udp',
      'LABEL x=y',
      'USER web',
      'WORKDIR /srv\nVOLUME /data',
      'STOPSIGNAL SIGINT',
    ],
    { Env: ['A=0', 'Z=9'] },
  );
  assert.deepEqual(config.Cmd, ['a', 'b']);
  assert.deepEqual(config.Entrypoint, ['/bin/sh', '-c', 'run it']);
  assert.deepEqual(config.Env, ['Z=9', 'A=1', 'B=two words', 'C=three']);
  assert.deepEqual(Object.keys(config.ExposedPorts ?? {}), ['80/tcp', '53/udp']);
  assert.deepEqual([config.User, config.WorkingDir, config.StopSignal], ['web', '/srv', 'SIGINT']);
  assert.deepEqual(config.Volumes, { '/data': {} });
});

test('configFromChanges() quotes what it does not know', () => {
  assert.throws(() => configFromChanges(['RUN make']), /changes: "RUN make" is not supported/);
  assert.throws(() => configFromChanges(['CMD [1]']), /changes: "CMD \[1\]"/);
});
