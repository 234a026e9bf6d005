// Compares the fields that we know with those that Docker publishes. Without ../shared/specs there is nothing to compare with.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configFields, execFields, healthFields, hostFields, mountFields } from '#common/docker-api/create-request.ts';
import { EngineApi } from '#tests/integration/support/engine-api.ts';

const skip = EngineApi.missing;

for (const [definition, fields] of [
  ['ContainerConfig', configFields],
  ['HealthConfig', healthFields],
  ['HostConfig', hostFields],
  ['Mount', mountFields],
] as const)
  test(`every field of ${definition} is honoured or refused by name`, { skip }, () => {
    const published = new EngineApi().fields(definition);
    assert.ok(published.length > 5);
    assert.deepEqual(
      published.filter((name) => !Object.hasOwn(fields, name)),
      [],
    );
  });

test('every field of a request for a process is honoured or refused by name', { skip }, () => {
  const published = new EngineApi().bodyFields('POST', '/containers/{id}/exec');
  assert.ok(published.length > 5);
  assert.deepEqual(
    published.filter((name) => !Object.hasOwn(execFields, name)),
    [],
  );
});
