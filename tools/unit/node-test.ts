// Stands in for node:test inside the static binary: tests run in order, at once, and may return promises.
import { utf8 } from '#sys/bytes.ts';
import { runJobs } from '#sys/jobs.ts';
import { write } from '#sys/raw/file.ts';

const results = { passed: 0, failed: 0, pending: 0 };

function print(text: string): void {
  const bytes = utf8(`${text}\n`);
  write(1, bytes, bytes.length);
}

function fail(name: string, error: unknown): void {
  results.failed++;
  print(`not ok - ${name}\n  ${String(error)}\n${error instanceof Error ? error.stack : ''}`);
}

export function test(name: string, body: () => unknown): void {
  try {
    const answer = body();
    if (!(answer instanceof Promise)) {
      results.passed++;
      return;
    }
    results.pending++;
    answer.then(
      () => {
        results.pending--;
        results.passed++;
      },
      (error) => {
        results.pending--;
        fail(name, error);
      },
    );
    runJobs();
  } catch (error) {
    fail(name, error);
  }
}

/** Prints the result: the exit status. */
export function report(): number {
  runJobs();
  if (results.pending > 0) fail('every test ends', new Error(`${results.pending} tests never settled`));
  print(`inside the binary: ${results.passed} passed, ${results.failed} failed`);
  return results.failed > 0 ? 1 : 0;
}
