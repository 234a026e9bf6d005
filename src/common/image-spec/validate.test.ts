import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isIndex, isManifest, layerCompression } from './media-types.ts';
import { parseImageConfig, parseIndex, parseManifest } from './validate.ts';

const digest = `sha256:${'0'.repeat(64)}`;
const descriptor = { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: 2 };
const text = (value: unknown) => JSON.stringify(value);

test('parseManifest() takes what registries send, unknown fields and nulls too', () => {
  const manifest = parseManifest(
    text({ schemaVersion: 2, config: descriptor, layers: [descriptor], annotations: null, unknown: 7 }),
  );
  assert.equal(manifest.layers[0]?.digest, digest);
  assert.equal('annotations' in manifest, false);
});

test('parseManifest(), parseIndex() and parseImageConfig() name the field that is wrong', () => {
  const wrong: [() => unknown, RegExp][] = [
    [() => parseManifest('{'), /line 1/],
    [() => parseManifest('[]'), /manifest: expected an object/],
    [() => parseManifest(text({ schemaVersion: 1, config: descriptor, layers: [] })), /manifest\.schemaVersion/],
    [() => parseManifest(text({ schemaVersion: 2, layers: [] })), /manifest\.config: missing/],
    [
      () => parseManifest(text({ schemaVersion: 2, config: descriptor, layers: [{ ...descriptor, size: -1 }] })),
      /manifest\.layers\[0\]\.size/,
    ],
    [
      () => parseManifest(text({ schemaVersion: 2, config: { ...descriptor, digest: '../../x' }, layers: [] })),
      /manifest\.config\.digest: expected a digest/,
    ],
    [() => parseIndex(text({ schemaVersion: 2 })), /index\.manifests: missing/],
    [() => parseImageConfig(text({ architecture: 'amd64', os: 'linux' })), /config\.rootfs: missing/],
    [
      () => parseImageConfig(text({ architecture: 'a', os: 'linux', rootfs: { diff_ids: ['x'] } })),
      /config\.rootfs\.diff_ids\[0\]/,
    ],
  ];
  for (const [parse, message] of wrong) assert.throws(parse, message);
});

test('layerCompression() knows OCI and Docker layers', () => {
  assert.equal(layerCompression('application/vnd.oci.image.layer.v1.tar'), 'none');
  assert.equal(layerCompression('application/vnd.oci.image.layer.v1.tar+gzip'), 'gzip');
  assert.equal(layerCompression('application/vnd.oci.image.layer.v1.tar+zstd'), 'zstd');
  assert.equal(layerCompression('application/vnd.docker.image.rootfs.diff.tar.gzip'), 'gzip');
  assert.equal(layerCompression('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'), 'gzip');
  assert.equal(layerCompression('application/vnd.in-toto+json'), undefined);
  assert.ok(isIndex('application/vnd.docker.distribution.manifest.list.v2+json'));
  assert.ok(isManifest('application/vnd.oci.image.manifest.v1+json'));
});

test('a digest of decimal digits is a text like any other', () => {
  const digits = { ...descriptor, digest: `sha256:${'1234567890123456'.repeat(4)}` };
  assert.equal(parseIndex(text({ schemaVersion: 2, manifests: [digits] })).manifests[0]?.digest, digits.digest);
});
