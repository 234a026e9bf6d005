import assert from 'node:assert/strict';
import { test } from 'node:test';
import { door } from '#sys/door.ts';
import { parseWords } from '../parse.ts';
import { fieldsOf, parseMount } from './mounts.ts';
import { containerOptions } from './options.ts';
import { portsOf } from './ports.ts';
import { createRequest } from './request.ts';

/** These need the host, and so run inside the binary alone. */
const inBinary = (name: string, body: () => void | Promise<void>) => door !== undefined && test(name, body);

const requestOf = (...words: string[]) =>
  createRequest(parseWords({ options: containerOptions, endsOptions: true }, words));

inBinary('createRequest() puts values into the fields of the API', () => {
  const { request, attachment } = requestOf(
    ...['-it', '-e', 'A=B', '-v', 'data:/data:ro', '-v', '/anonymous', '-w', '/x', '--entrypoint', '', '--cpus', '1.5'],
    ...['--memory', '64m', '--restart', 'on-failure:3', '--network', 'none', '--label', 'a=b', '--label', 'c'],
    ...[
      '--tmpfs',
      '/t:size=1m',
      '--ulimit',
      'nofile=10:20',
      '--init',
      '--health-cmd',
      'true',
      '--health-interval',
      '5s',
    ],
    ...['--log-opt', 'max-size=1m', '--sysctl', 'net.x=1', '--device', '/dev/null:/dev/x:r', 'image', 'sh', '-c', 'x'],
  );
  const { HostConfig, ...config } = request;
  assert.deepEqual(config, {
    Image: 'image',
    Cmd: ['sh', '-c', 'x'],
    OpenStdin: true,
    Tty: true,
    WorkingDir: '/x',
    Entrypoint: [''],
    Env: ['A=B'],
    Labels: { a: 'b', c: '' },
    Volumes: { '/anonymous': {} },
    Healthcheck: { Interval: 5e9, Test: ['CMD-SHELL', 'true'] },
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    StdinOnce: true,
  });
  delete HostConfig['ConsoleSize'];
  assert.deepEqual(HostConfig, {
    NanoCpus: 1.5e9,
    Memory: 64 << 20,
    RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
    Tmpfs: { '/t': 'size=1m' },
    Ulimits: [{ Name: 'nofile', Soft: 10, Hard: 20 }],
    Init: true,
    LogConfig: { Config: { 'max-size': '1m' } },
    Sysctls: { 'net.x': '1' },
    Devices: [{ PathOnHost: '/dev/null', PathInContainer: '/dev/x', CgroupPermissions: 'r' }],
    Binds: ['data:/data:ro'],
    NetworkMode: 'none',
  });
  assert.deepEqual(attachment, { stdin: true, stdout: true, stderr: true });
});

test('createRequest() asks for nothing that was not asked for', () => {
  const { request } = requestOf('image');
  assert.deepEqual(request, {
    Image: 'image',
    HostConfig: {},
    AttachStdin: false,
    AttachStdout: true,
    AttachStderr: true,
  });
});

test('createRequest() attaches what --attach names', () => {
  assert.deepEqual(requestOf('-a', 'STDERR', 'image').attachment, { stdin: false, stdout: false, stderr: true });
  assert.throws(() => requestOf('-a', 'x', 'image'), /valid streams/);
});

test('createRequest() names options with wrong values', () => {
  const cases: [string[], RegExp][] = [
    [['--ulimit', 'nofile'], /"--ulimit"/],
    [['--ulimit', 'nofile=20:10'], /"--ulimit"/],
    [['--device', 'null'], /"--device"/],
    [['--restart', 'on-failure:x'], /"--restart"/],
    [['-v', 'a::b'], /empty section/],
    [['-p', 'x'], /"--publish"/],
    [['--mount', 'type=bind'], /"--mount" flag: target is required/],
    [['--add-host', 'x'], /"--add-host"/],
    [['--no-healthcheck', '--health-cmd', 'x'], /--no-healthcheck conflicts/],
  ];
  for (const [words, message] of cases) assert.throws(() => requestOf(...words, 'image'), message, words.join(' '));
});

test('portsOf() reads addresses, ranges and protocols', () => {
  assert.deepEqual(portsOf(['80'], []).bindings, { '80/tcp': [{ HostIp: '', HostPort: '' }] });
  assert.deepEqual(portsOf(['127.0.0.1:8080:80/udp'], []).bindings, {
    '80/udp': [{ HostIp: '127.0.0.1', HostPort: '8080' }],
  });
  assert.deepEqual(portsOf(['[::1]:8080:80'], []).bindings, { '80/tcp': [{ HostIp: '::1', HostPort: '8080' }] });
  assert.deepEqual(portsOf(['127.0.0.1::80'], []).bindings, { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] });
  assert.deepEqual(portsOf(['8000-8001:80-81'], []).bindings, {
    '80/tcp': [{ HostIp: '', HostPort: '8000' }],
    '81/tcp': [{ HostIp: '', HostPort: '8001' }],
  });
  assert.deepEqual(portsOf(['8000-8009:80'], []).bindings, { '80/tcp': [{ HostIp: '', HostPort: '8000-8009' }] });
  assert.deepEqual(Object.keys(portsOf([], ['90-92/udp']).exposed), ['90/udp', '91/udp', '92/udp']);
  for (const wrong of ['', 'x', '70000', '2-1', '1-2:1-3', '80/xyz', '1:2:3:4'])
    assert.throws(() => portsOf([wrong], []), /invalid/, wrong);
});

test('parseMount() reads keys and refuses those that do not fit', () => {
  assert.deepEqual(parseMount('type=bind,src=/a,dst=/b,readonly,bind-propagation=rshared'), {
    Type: 'bind',
    Source: '/a',
    Target: '/b',
    ReadOnly: true,
    BindOptions: { Propagation: 'rshared' },
  });
  assert.deepEqual(parseMount('target=/x,tmpfs-size=1m,type=tmpfs,tmpfs-mode=1777'), {
    Type: 'tmpfs',
    Target: '/x',
    TmpfsOptions: { SizeBytes: 1 << 20, Mode: 0o1777 },
  });
  for (const wrong of [
    'type=x,target=/a',
    'target=/a,nosuch=1',
    'target',
    'type=bind,target=/a,tmpfs-size=1',
    'target=/a,ro=maybe',
  ])
    assert.throws(() => parseMount(wrong), /"--mount"/, wrong);
});

test('fieldsOf() keeps commas inside quotes', () => {
  assert.deepEqual(fieldsOf('a=1,"b=2,3","c=""x"""'), ['a=1', 'b=2,3', 'c="x"']);
});
