// Stands in for node:test inside the static binary: tests run in order, at once, and may return promises.
declare const MACHINE: string;
declare const host: {
  syscall(number: number, ...rest: unknown[]): number;
  encode(text: string): ArrayBuffer;
  drain(): void;
};

const write = MACHINE === 'x86-64' ? 1 : 64;
const results = { passed: 0, failed: 0, pending: 0 };

function print(text: string): void {
  const bytes = new Uint8Array(host.encode(`${text}\n`));
  host.syscall(write, 1, bytes, bytes.length);
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
    host.drain();
  } catch (error) {
    fail(name, error);
  }
}

/** Prints the result: the exit status. */
export function report(): number {
  host.drain();
  if (results.pending > 0) fail('every test ends', new Error(`${results.pending} tests never settled`));
  print(`inside the binary: ${results.passed} passed, ${results.failed} failed`);
  return results.failed > 0 ? 1 : 0;
}
