// A reporter of Node's test runner: a few lines for each test that failed, which tools/test.sh repeats at its end.
import { relative } from 'node:path';

const SHOWN_LINES = 12;

export default async function* failures(events) {
  for await (const { type, data } of events) {
    const error = data.details?.error;
    // Whoever has a test that failed in it fails too.
    if (type !== 'test:fail' || error?.failureType === 'subtestsFailed' || data.todo) continue;
    const { message = String(error), stack = '' } = error?.cause ?? error ?? {};
    const place = stack.split('\n').find((line) => line.includes('tests/')) ?? '';
    const lines = String(message).split('\n').slice(0, SHOWN_LINES);
    yield `✖ ${relative(process.cwd(), data.file ?? '')}: ${data.name}\n`;
    for (const line of [...lines, place.trim()].filter(Boolean)) yield `    ${line}\n`;
  }
}
