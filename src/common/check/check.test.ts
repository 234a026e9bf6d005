import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as check from './check.ts';

test('object() knows no field by a prototype, also of a table that was put together of others', () => {
  const part: check.Fields = { __proto__: null, Name: check.text };
  const table = check.object({ ...part, Other: check.text } as unknown as check.Fields, []);
  assert.equal(table(JSON.parse('{"constructor": 1, "toString": {}, "Name": "a"}')), undefined);
  assert.ok(table({ Name: 5 }) instanceof check.Fault);
});
