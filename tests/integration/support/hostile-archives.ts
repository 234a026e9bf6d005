// Makes hostile archives: always the same ones for one seed.
import { archive, type HeaderFields, header, paxRecord } from '#common/tar/test-support/archive.ts';

export interface HostileArchive {
  name: string;
  data: Uint8Array;
  /** `refused`: must fail; `contained`: must not fail, and stay inside; `either`. */
  expect: 'refused' | 'contained' | 'either';
  words?: string[];
}

/** `guard` is the directory that holds both the root and what must stay as it is: `outside/secret`, `outside/dir`. */
export function hostileArchives(guard: string, seed = 1): HostileArchive[] {
  return [...escapes(guard), ...whiteouts(), ...bombs(), ...damaged(random(seed))];
}

/** Those that would lead out. */
export function escapes(guard: string): HostileArchive[] {
  return [...traversals(guard), ...links(guard), ...nodes()];
}

const file = (name: string, data = 'x', more: HeaderFields = {}): (Uint8Array | string)[] => [
  header({ name, size: data.length, ...more }),
  data,
];
const link = (name: string, target: string) => header({ name, type: '2', link: target });
const hard = (name: string, target: string) => header({ name, type: '1', link: target });
const dir = (name: string, mode = 0o777) => header({ name, type: '5', mode });
const pax = (records: Record<string, string>) => {
  const text = Object.entries(records)
    .map(([key, value]) => paxRecord(key, value))
    .join('');
  return [header({ name: 'pax', type: 'x', size: text.length }), text];
};

function* traversals(guard: string): Generator<HostileArchive> {
  const leading = [
    '../x',
    '../../x',
    'a/../../x',
    '/../x',
    './../x',
    'a/b/../../../x',
    '..',
    '../',
    'a/..',
    '../outside/secret',
    'a//../../x',
    './/..//x',
    'outside/../../outside/secret',
  ];
  for (const name of leading) {
    const kinds: [string, (Uint8Array | string)[]][] = [
      ['file', file(name)],
      ['directory', [dir(name)]],
      ['symbolic link', [link(name, 'x')]],
      ['hard link', [...file('source'), hard(name, 'source')]],
      ['device', [header({ name, type: '3', major: 1, minor: 3 })]],
      ['pipe', [header({ name, type: '6' })]],
      ['hard link to it', [hard('x', name)]],
    ];
    for (const [kind, parts] of kinds) yield { name: `${name} as ${kind}`, data: archive(...parts), expect: 'refused' };
    yield { name: `${name} in a pax record`, data: archive(...pax({ path: name }), ...file('a')), expect: 'refused' };
    const long = [header({ name: 'long', type: 'L', size: name.length + 1 }), `${name}\0`];
    yield { name: `${name} in a long name`, data: archive(...long, ...file('a')), expect: 'refused' };
    const sparse = pax({
      'GNU.sparse.major': '0',
      'GNU.sparse.name': name,
      'GNU.sparse.size': '1',
      'GNU.sparse.map': '0,1',
    });
    yield { name: `${name} in a sparse name`, data: archive(...sparse, ...file('a')), expect: 'refused' };
  }
  yield { name: '.. as prefix', data: archive(...file('x', 'x', { prefix: '..' })), expect: 'refused' };
  yield { name: 'NUL in a pax path', data: archive(...pax({ path: 'a\0/../../x' }), ...file('a')), expect: 'refused' };
  yield { name: 'NUL in a pax link', data: archive(...pax({ linkpath: 'a\0' }), link('a', 'b')), expect: 'refused' };
  const absolute = [
    '/x',
    '//x',
    '///outside/secret',
    `${guard}/outside/secret`,
    '/proc/self/cwd/x',
    '/etc/passwd',
    '..\\x',
    '...',
    '.../x',
    '~/x',
    'C:\\x',
    '%2e%2e/x',
    '\\..\\x',
  ];
  for (const name of absolute) yield { name: `${name} inside`, data: archive(...file(name)), expect: 'contained' };
  yield { name: 'the root as a file', data: archive(...file('.')), expect: 'refused' };
  yield { name: 'the root as a link', data: archive(link('./', '../outside')), expect: 'refused' };
  yield { name: 'a name that is empty', data: archive(...file('')), expect: 'refused' };
}

function* links(guard: string): Generator<HostileArchive> {
  const outside = [
    '../outside',
    '/outside',
    `${guard}/outside`,
    '..',
    '/',
    '../../../../../../../..',
    '/proc/self/root',
    '/proc/self/cwd',
    '/proc/self/fd/3',
    '/proc/1/root',
    './../outside/.',
    '../root/../outside',
  ];
  for (const target of outside) {
    const then: [string, (Uint8Array | string)[]][] = [
      ['file through it', file('l/secret')],
      ['directory through it', [dir('l/dir')]],
      ['deep file through it', file('l/outside/secret')],
      ['link over what is there', [link('l/secret', 'x')]],
      ['hard link into it', [...file('s'), hard('l/hard', 's')]],
      ['chain', [link('m', 'l'), link('n', 'm/.'), ...file('n/secret')]],
      ['device through it', [header({ name: 'l/null', type: '3', major: 1, minor: 3 })]],
      ['whiteout through it', [header({ name: 'l/.wh.secret' })]],
      ['opaque through it', [header({ name: 'l/.wh..wh..opq' })]],
    ];
    for (const [kind, parts] of then)
      yield { name: `link to ${target}, ${kind}`, data: archive(link('l', target), ...parts), expect: 'either' };
    yield {
      name: `link to ${target}, taken for a directory`,
      data: archive(link('l', target), dir('l/', 0)),
      expect: 'contained',
    };
    yield {
      name: `link to ${target} in place of a directory`,
      data: archive(dir('l/', 0), link('l', target)),
      expect: 'contained',
    };
    yield {
      name: `link to ${target} in place of a parent`,
      data: archive(dir('l/'), ...file('l/a'), link('l', target), ...file('l/secret'), dir('l/dir', 0)),
      expect: 'either',
    };
    yield {
      name: `file over a link to ${target}/secret`,
      data: archive(link('l', `${target}/secret`), ...file('l')),
      expect: 'contained',
    };
    yield {
      name: `hard link through a link to ${target}`,
      data: archive(link('l', target), hard('h', 'l/secret'), ...file('h')),
      expect: 'either',
    };
    yield {
      name: `hard link to a link to ${target}/secret`,
      data: archive(link('l', `${target}/secret`), hard('h', 'l'), ...file('h')),
      expect: 'contained',
    };
  }
  for (const target of ['/outside/secret', `${guard}/outside/secret`, 'missing', '/etc/passwd', '.', '/', ''])
    yield { name: `hard link to "${target}"`, data: archive(hard('h', target), ...file('h')), expect: 'refused' };
  yield { name: 'link to itself', data: archive(link('l', 'l'), ...file('l/x')), expect: 'refused' };
  yield { name: 'links in a circle', data: archive(link('a', 'b'), link('b', 'a'), ...file('a/x')), expect: 'refused' };
  const chain = Array.from({ length: 100 }, (_, at) => link(`l${at}`, `l${at + 1}`));
  yield { name: 'a hundred links', data: archive(...chain, ...file('l0/x')), expect: 'refused' };
  yield { name: 'link to an empty name', data: archive(link('l', '')), expect: 'refused' };
  yield {
    name: 'link that grows',
    data: archive(link('g', `g/${'../g/'.repeat(15)}`), ...file('g/x')),
    expect: 'refused',
  };
  yield { name: 'hard link to itself', data: archive(...file('h'), hard('h', 'h')), expect: 'contained' };
  yield { name: 'hard link to a directory', data: archive(dir('d'), hard('h', 'd')), expect: 'refused' };
  yield {
    name: 'hard link over the directory of its source',
    data: archive(...file('d/s'), hard('d', 'd/s')),
    expect: 'refused',
  };
  yield { name: 'file below a file', data: archive(...file('f'), ...file('f/x')), expect: 'refused' };
}

function* nodes(): Generator<HostileArchive> {
  const device = (name: string, major: number, minor: number, type = '4') => header({ name, type, major, minor });
  for (const [major, minor] of [
    [8, 0],
    [1, 1],
    [1, 3],
    [5, 0],
  ] as const)
    yield {
      name: `file over device ${major}:${minor}`,
      data: archive(device('d', major, minor), ...file('d')),
      expect: 'contained',
    };
  yield {
    name: 'file over a pipe',
    data: archive(header({ name: 'p', type: '6' }), ...file('p')),
    expect: 'contained',
  };
  yield { name: 'file below a device', data: archive(device('d', 8, 0), ...file('d/x')), expect: 'refused' };
  yield {
    name: 'file below a pipe',
    data: archive(header({ name: 'p', type: '6' }), ...file('p/x')),
    expect: 'refused',
  };
  yield {
    name: 'file through a link to a device',
    data: archive(device('d', 8, 0), link('l', 'd'), ...file('l')),
    expect: 'contained',
  };
  yield {
    name: 'file over a hard link to a pipe',
    data: archive(header({ name: 'p', type: '6' }), hard('h', 'p'), ...file('h')),
    expect: 'contained',
  };
  yield { name: 'device 4096:0', data: archive(device('d', 4096, 0)), expect: 'refused' };
  yield { name: 'device 0:1048576', data: archive(device('d', 0, 1048576)), expect: 'refused' };
  yield { name: 'unknown type', data: archive(header({ name: 'a', type: 'Z' })), expect: 'refused' };
  yield { name: 'a volume that goes on', data: archive(header({ name: 'a', type: 'M' })), expect: 'refused' };
  const set = (key: string, value: string, of: (Uint8Array | string)[]) =>
    archive(...pax({ [`SCHILY.xattr.${key}`]: value }), ...of);
  yield {
    name: 'redirect for overlayfs',
    data: set('trusted.overlay.redirect', '/../..', [dir('d')]),
    expect: 'contained',
  };
  yield { name: 'attribute of 100 KB', data: set('user.a', 'x'.repeat(100_000), file('a')), expect: 'refused' };
  yield { name: 'attribute with a long name', data: set(`user.${'n'.repeat(300)}`, 'x', file('a')), expect: 'refused' };
  yield { name: 'attribute without a namespace', data: set('name', 'x', file('a')), expect: 'contained' };
  yield { name: 'attribute with NUL in its name', data: set('user.a\0b', 'x', file('a')), expect: 'refused' };
  yield { name: 'capability that is none', data: set('security.capability', 'x', file('a')), expect: 'refused' };
}

function* whiteouts(): Generator<HostileArchive> {
  const names = [
    '.wh...',
    '.wh..',
    '.wh.',
    'a/.wh...',
    'a/.wh..',
    'a/.wh.',
    '../.wh.outside',
    '../outside/.wh.secret',
    '../.wh..wh..opq',
    '.wh.a/x',
    'a/.wh.b/c',
  ];
  for (const mode of ['overlay', 'apply']) {
    const words = ['--whiteouts', mode];
    for (const name of names)
      yield { name: `${name}, ${mode}`, data: archive(dir('a'), header({ name })), expect: 'refused', words };
    for (const target of ['../outside', '..', '/', '/outside'])
      for (const hidden of ['.wh.secret', '.wh.outside', '.wh..wh..opq', 'outside/.wh..wh..opq'])
        yield {
          name: `l/${hidden} with l to ${target}, ${mode}`,
          data: archive(link('l', target), header({ name: `l/${hidden}` })),
          expect: 'either',
          words,
        };
    yield {
      name: `whiteout of a link, ${mode}`,
      data: archive(link('l', '../outside/secret'), header({ name: '.wh.l' })),
      expect: 'contained',
      words,
    };
    yield {
      name: `file below a whiteout, ${mode}`,
      data: archive(header({ name: '.wh.a' }), ...file('a/x')),
      expect: 'contained',
      words,
    };
  }
}

function* bombs(): Generator<HostileArchive> {
  const few = ['--max-bytes', '1000000', '--max-entries', '100'];
  yield {
    name: 'a file of 8 GiB',
    data: archive(header({ name: 'a', sizeField: '77777777777\0' })),
    expect: 'refused',
  };
  yield {
    name: 'a file of 2^62 bytes',
    data: archive(header({ name: 'a', sizeField: '\x80\0\0\0\x40\0\0\0\0\0\0\0' })),
    expect: 'refused',
  };
  yield {
    name: 'a file of -1 bytes',
    data: archive(header({ name: 'a', sizeField: '\xff'.repeat(12) })),
    expect: 'refused',
  };
  yield {
    name: 'more bytes than allowed',
    data: archive(...file('a', 'x'.repeat(1_000_001))),
    expect: 'refused',
    words: few,
  };
  yield {
    name: 'more entries than allowed',
    data: archive(...Array.from({ length: 101 }, (_, at) => dir(`d${at}`))),
    expect: 'refused',
    words: few,
  };
  yield {
    name: 'the same entry again and again',
    data: archive(...Array.from({ length: 101 }, () => dir('d'))),
    expect: 'refused',
    words: few,
  };
  const holes = (size: string) => pax({ 'GNU.sparse.major': '0', 'GNU.sparse.size': size, 'GNU.sparse.map': '0,1' });
  for (const size of ['1000001', '9007199254740991', '99999999999999999999'])
    yield {
      name: `a sparse file of ${size} bytes`,
      data: archive(...holes(size), ...file('a')),
      expect: 'refused',
      words: few,
    };
  for (const map of ['0,1,0,1', '5,1', '0', '0,9', '1,x', '0,1,1', '18446744073709551615,1', '-1,1'])
    yield {
      name: `sparse map ${map}`,
      data: archive(...pax({ 'GNU.sparse.size': '3', 'GNU.sparse.map': map }), ...file('a')),
      expect: 'refused',
    };
  for (const map of ['9999999999\n', '1000000\n', 'x\n', '1\n0\n', `1\n${'9'.repeat(600)}\n`])
    yield {
      name: `sparse map in the data: ${map.slice(0, 12)}`,
      data: archive(
        ...pax({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '3' }),
        ...file('a', map),
      ),
      expect: 'refused',
    };
  for (const type of ['x', 'g', 'L', 'K'])
    for (const sizeField of ['00004000001\0', '77777777777\0'])
      yield {
        name: `header ${type} of ${sizeField}`,
        data: archive(header({ name: 'a', type, sizeField })),
        expect: 'refused',
      };
  yield {
    name: 'header upon header',
    data: archive(...Array.from({ length: 1000 }, () => pax({ comment: 'x' })).flat(), ...file('a')),
    expect: 'refused',
  };
  for (const record of [
    '0 a=b\n',
    '3 a=b\n',
    '999 a=b\n',
    '-6 a=b\n',
    '6 a=b',
    'a=b\n',
    '5 =b\n',
    '99999999999999999999 a=b\n',
  ])
    yield {
      name: `record ${JSON.stringify(record)}`,
      data: archive(header({ type: 'x', size: record.length }), record, ...file('a')),
      expect: 'refused',
    };
  for (const [key, value] of [
    ['size', '-1'],
    ['size', 'x'],
    ['uid', '-1'],
    ['uid', '4294967295'],
    ['gid', '99999999999'],
    ['mtime', 'x'],
    ['mtime', '1e9'],
  ] as const)
    yield { name: `${key} ${value}`, data: archive(...pax({ [key]: value }), ...file('a')), expect: 'refused' };
  for (const depth of [500, 2000, 2047])
    yield {
      name: `${depth} directories deep`,
      data: archive(...pax({ path: 'd/'.repeat(depth) }), dir('d'), header({ name: 'a', type: 'Z' })),
      expect: 'refused',
    };
  const deeper = Array.from({ length: 20 }, (_, at) => [
    ...pax({ path: `${at === 0 ? '' : `l${at - 1}/`}${'d/'.repeat(300)}` }),
    dir('d'),
    ...pax({ linkpath: `${at === 0 ? '' : `l${at - 1}/`}${'d/'.repeat(300)}` }),
    link(`l${at}`, 'x'),
  ]).flat();
  yield {
    name: '6000 directories deep by way of links',
    data: archive(...deeper, header({ name: 'a', type: 'Z' })),
    expect: 'refused',
  };
  yield {
    name: 'a name of 5000 bytes',
    data: archive(...pax({ path: 'ab/'.repeat(1700) }), ...file('a')),
    expect: 'refused',
  };
  yield {
    name: 'a part of 300 bytes',
    data: archive(...pax({ path: 'n'.repeat(300) }), ...file('a')),
    expect: 'refused',
  };
  yield { name: 'nothing', data: new Uint8Array(0), expect: 'refused' };
  yield {
    name: 'no archive',
    data: new TextEncoder().encode('this is no archive, but a text of some length. '.repeat(40)),
    expect: 'refused',
  };
  yield {
    name: 'an entry behind the end',
    data: concatenated(archive(...file('a')).subarray(0, -512), archive(...file('b'))),
    expect: 'refused',
  };
}

function* damaged(next: () => number): Generator<HostileArchive> {
  const whole = archive(
    dir('usr/'),
    dir('usr/lib/'),
    ...file('usr/lib/a', 'data'.repeat(300), { mode: 0o4755 }),
    link('lib', 'usr/lib'),
    hard('usr/b', 'usr/lib/a'),
    ...pax({ path: `long/${'n'.repeat(150)}`, mtime: '1.5', 'SCHILY.xattr.user.a': 'v' }),
    ...file('short'),
    header({
      name: 'sparse',
      type: 'S',
      size: 5,
      magic: 'ustar  \0',
      realSize: 100,
      segments: [
        [10, 2],
        [50, 3],
      ],
    }),
    'hello',
    header({ name: 'null', type: '3', major: 1, minor: 3 }),
    header({ name: '.wh.gone' }),
    ...file('last', 'end'),
  );
  const pick = (below: number) => Math.floor(next() * below);
  for (let count = 0; count < 60; count++) {
    const length = pick(whole.length - 1024);
    yield { name: `cut at ${length}`, data: whole.subarray(0, length), expect: 'refused' };
  }
  for (let count = 0; count < 120; count++) {
    const data = whole.slice();
    const flips = Array.from({ length: 1 + pick(4) }, () => pick(data.length * 8));
    for (const bit of flips) data[bit >> 3] = (data[bit >> 3] as number) ^ (1 << (bit & 7));
    yield { name: `bits ${flips} flipped`, data, expect: 'either' };
  }
  // With the checksum put right, a wrong field is looked at.
  for (let count = 0; count < 120; count++) {
    const data = whole.slice();
    const headers = headersOf(data);
    const at = headers[pick(headers.length)] as number;
    const changes = Array.from({ length: 1 + pick(6) }, () => [pick(512), pick(256)] as const);
    for (const [place, byte] of changes) data[at + place] = byte;
    repairChecksum(data, at);
    yield { name: `header at ${at} with ${changes.join(' ')}`, data, expect: 'either' };
  }
}

function headersOf(data: Uint8Array): number[] {
  const found: number[] = [];
  for (let at = 0; at < data.length; at += 512) if (data[at + 257] === 0x75 && data[at + 258] === 0x73) found.push(at);
  return found;
}

function repairChecksum(data: Uint8Array, at: number): void {
  data.fill(0x20, at + 148, at + 156);
  const sum = data.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
  data.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, '0')}\0 `), at + 148);
}

function concatenated(a: Uint8Array, b: Uint8Array): Uint8Array {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}

/** Numbers from 0 up to 1: mulberry32. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
