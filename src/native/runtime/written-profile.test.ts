import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textOf, utf8 } from '#sys/bytes.ts';
import { door } from '#sys/door.ts';
import { placeOfProfile, WrittenProfile } from './written-profile.ts';

const found = (text: string) => {
  const bytes = utf8(text);
  const place = placeOfProfile(bytes);
  return typeof place === 'string' ? place : textOf(bytes.subarray(...place));
};

if (door) {
  test('placeOfProfile finds the profile however it is set', () => {
    const profile = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['a'], args: [{ index: 0 }, {}] }] };
    const config = { process: { args: ['ü"seccomp"', 'seccomp', '{'] }, linux: { seccomp: profile, seccompish: {} } };
    for (const space of ['', '  ', '\t', '\n']) {
      const text = JSON.stringify(config, null, space);
      assert.deepEqual(JSON.parse(found(text)), profile);
    }
    assert.equal(found('{"linux":{"seccomp"\r\n :\t{"a":{}} }}'), '{"a":{}}');
    assert.equal(found(String.raw`{"a":"\\ \" \/ \b\f\n\r\t \u0026\u003c\\x6f","seccomp":{}}`), '{}');
  });

  test('placeOfProfile says where there is none', () => {
    for (const text of ['', '{}', '"seccomp"', '{"linux":{"seccomp"', '{"args":["seccomp"],"x":"\\u0026"}'])
      assert.equal(found(text), 'none', text);
  });

  test('placeOfProfile finds nothing where it is not sure', () => {
    for (const text of [
      '{"linux":{"seccomp":null}}',
      '{"linux":{"seccomp":"{}"}}',
      '{"linux":{"seccomp":{},"seccomp":{}}}',
      '{"seccomp":{},"linux":{"seccomp":{}}}',
      String.raw`{"linux":{"seccomp":{},"secc\u006fmp":{}}}`,
      String.raw`{"linux":{"seccomp":{},"secc\u006Fm\u0070":{}}}`,
      // What QuickJS takes as well.
      String.raw`{"x":{"seccomp":{}},"linux":{"secc\x6fmp":{}}}`,
      String.raw`{"x":{"seccomp":{}},"linux":{"secc\u{6f}mp":{}}}`,
      String.raw`{"x":{"seccomp":{}},"linux":{"secc\omp":{}}}`,
      '{"x":{"seccomp":{}},"linux":{"secc\\\nomp":{}}}',
      '{"linux":{"seccomp":',
    ])
      assert.equal(found(text), 'unsure', text);
  });

  test('placeOfProfile gives what is not complete where braces are in strings', () => {
    assert.equal(found('{"seccomp":{"a":"}","b":1}}'), '{"a":"}');
    assert.equal(found('{"seccomp":{"a":"{","b":1}}'), '{"a":"{","b":1}}');
    assert.equal(found('{"seccomp":{"a":1'), '{"a":1');
  });

  test('WrittenProfile is read when somebody looks into it, with all 64 bits', () => {
    const broken = new WrittenProfile(utf8('{'), undefined);
    assert.throws(() => broken.defaultAction, /line 1/);
    const args = '[{"index":0,"op":"SCMP_CMP_EQ","value":18446744073709551615}]';
    const rule = `{"names":["a"],"action":"SCMP_ACT_LOG","args":${args}}`;
    const text = `{"defaultAction":"SCMP_ACT_LOG","flags":[],"architectures":null,"syscalls":[${rule}]}`;
    const { defaultAction, flags, architectures, syscalls } = new WrittenProfile(utf8(text), undefined);
    const wrong = new WrittenProfile(utf8('{"defaultAction":"SCMP_ACT_LOG","syscalls":[{"names":[]}]}'), undefined);
    assert.throws(() => wrong.syscalls, /seccomp\.syscalls\[0\]\.names: expected at least one item/);
    assert.deepEqual([defaultAction, flags, architectures], ['SCMP_ACT_LOG', [], undefined]);
    assert.equal(syscalls?.[0]?.args?.[0]?.value, 18446744073709551615n);
  });
}
