import assert from 'node:assert/strict';
import { test } from 'node:test';
import { markOldStyle, OLD_HEADER } from './hijack.ts';

const mark = (text: string) => markOldStyle(Buffer.from(text)).toString();

test('markOldStyle() marks those alone who take a connection over without saying so', () => {
  const old = 'POST /v1.24/containers/x/attach?stream=1 HTTP/1.1\r\nHost: d\r\nConnection: keep-alive\r\n\r\nrest';
  const marked = mark(old);
  assert.match(marked, /\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n/);
  assert.ok(marked.includes(`${OLD_HEADER}: 1\r\n\r\nrest`));
  assert.equal(marked.includes('keep-alive'), false);
  for (const other of [
    'GET /containers/json HTTP/1.1\r\nHost: d\r\n\r\n',
    'POST /containers/x/start HTTP/1.1\r\nHost: d\r\n\r\n',
    'POST /exec/x/start HTTP/1.1\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n',
    'POST /exec/x/start HTTP/1.1\r\nHost',
  ])
    assert.equal(mark(other), other);
});
