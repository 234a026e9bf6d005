// Manifests, indexes and configurations come from registries and archives: checked once, where they come in.

import * as check from '../check/check.ts';
import { checked } from '../check/checked.ts';
import { healthFields } from '../docker-api/create-request.ts';
// A digest may have sixteen decimal digits in a row.
import '../json/all.ts';
import { parseJson } from '../json/parse.ts';
import type { ImageConfig, Index, Manifest } from './types.ts';

const strings = check.map(check.content);
const digest = check.matching(/^[A-Za-z][\w+.-]*:[0-9a-fA-F]{32,}$/, 'a digest such as sha256:…');
const size = check.integer(0, Number.MAX_SAFE_INTEGER);

const platform = check.object(
  {
    __proto__: null,
    architecture: check.content,
    os: check.content,
    variant: check.text,
    'os.version': check.text,
    'os.features': check.texts,
  },
  [],
);

const descriptor = check.object(
  {
    __proto__: null,
    mediaType: check.text,
    digest,
    size,
    urls: check.texts,
    annotations: strings,
    data: check.text,
    artifactType: check.text,
    platform,
  },
  ['mediaType', 'digest', 'size'],
);

const version = check.integer(2, 2);

const manifest = check.object(
  {
    __proto__: null,
    schemaVersion: version,
    mediaType: check.text,
    artifactType: check.text,
    config: descriptor,
    layers: check.list(descriptor),
    subject: descriptor,
    annotations: strings,
  },
  ['schemaVersion', 'config', 'layers'],
);

const index = check.object(
  {
    __proto__: null,
    schemaVersion: version,
    mediaType: check.text,
    artifactType: check.text,
    manifests: check.list(descriptor),
    subject: descriptor,
    annotations: strings,
  },
  ['schemaVersion', 'manifests'],
);

const anything: check.Check = (value) => (typeof value === 'object' ? undefined : 'an object');
const table = check.map(anything);

const config = check.object(
  {
    __proto__: null,
    architecture: check.text,
    os: check.text,
    variant: check.text,
    created: check.text,
    author: check.text,
    config: check.object(
      {
        __proto__: null,
        User: check.text,
        ExposedPorts: table,
        Env: check.texts,
        Entrypoint: check.texts,
        Cmd: check.texts,
        Volumes: table,
        WorkingDir: check.text,
        Labels: strings,
        StopSignal: check.text,
        Shell: check.texts,
        Healthcheck: check.object(healthFields, []),
      },
      [],
    ),
    rootfs: check.object(
      { __proto__: null, type: check.word('the word', '', 'layers'), diff_ids: check.list(digest) },
      ['diff_ids'],
    ),
    history: check.list(
      check.object(
        {
          __proto__: null,
          created: check.text,
          created_by: check.text,
          author: check.text,
          comment: check.text,
          empty_layer: check.boolean,
        },
        [],
      ),
    ),
  },
  ['architecture', 'os', 'rootfs'],
);

/** image-spec, manifest.md. Throws `invalid`, naming the field. */
export function parseManifest(text: string): Manifest {
  return checked(manifest, 'manifest', parseJson(text));
}

/** image-spec, image-index.md. Throws `invalid`, naming the field. */
export function parseIndex(text: string): Index {
  return checked(index, 'index', parseJson(text));
}

/** image-spec, config.md. Throws `invalid`, naming the field. */
export function parseImageConfig(text: string): ImageConfig {
  return checked(config, 'config', parseJson(text));
}
