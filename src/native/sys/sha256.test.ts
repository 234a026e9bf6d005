import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8 } from './bytes.ts';
import { door } from './door.ts';
import { Sha256 } from './sha256.ts';

function digestOf(...pieces: Uint8Array[]): string {
  const hash = new Sha256();
  for (const piece of pieces) hash.update(piece);
  return hash.digest();
}

if (door) {
  test("Sha256 gives the digests of the standard's examples", () => {
    assert.equal(digestOf(), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    assert.equal(digestOf(utf8('abc')), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    const two = 'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq';
    assert.equal(digestOf(utf8(two)), '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1');
    const million = utf8('a'.repeat(1000));
    const digest = digestOf(...Array.from({ length: 1000 }, () => million));
    assert.equal(digest, 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0');
  });

  test('Sha256 gives the same digest however its bytes come', () => {
    const bytes = new Uint8Array(1000).map((_, at) => at * 7);
    for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000]) {
      const message = bytes.subarray(0, length);
      const whole = digestOf(message);
      for (const size of [1, 13, 64, 100]) {
        const pieces: Uint8Array[] = [];
        for (let at = 0; at < length; at += size) pieces.push(message.subarray(at, at + size));
        assert.equal(digestOf(...pieces), whole, `${length} bytes by ${size}`);
      }
    }
  });

  test('Sha256 refuses a length beyond its bytes, and begins anew after a digest', () => {
    const hash = new Sha256();
    assert.throws(() => hash.update(utf8('abc'), 4), RangeError);
    hash.update(utf8('abc?'), 3);
    assert.equal(hash.digest(), digestOf(utf8('abc')));
    assert.equal(hash.digest(), digestOf());
  });
}
