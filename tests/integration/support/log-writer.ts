import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';

execFileSync('node', ['tools/log-writer.mjs'], { stdio: 'inherit' });
const program = resolve('build/log-writer');

export interface WriterSettings {
  format: 'cri' | 'json-file';
  path: string;
  maximumBytes?: number;
  files?: number;
  compress?: boolean;
  signals?: boolean;
}

/** A directory of one test. */
export class Scratch implements Disposable {
  readonly path: string;
  #mounted = false;

  constructor(directory = tmpdir()) {
    this.path = mkdtempSync(resolve(directory, 'proa-logs-'));
  }

  /** A file system in memory of so many bytes. */
  mountTmpfs(bytes: number): void {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', this.path]);
    this.#mounted = true;
  }

  [Symbol.dispose](): void {
    if (this.#mounted) execFileSync('umount', ['--lazy', this.path]);
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** The program that logs its standard input. */
export class Writer {
  readonly child: ChildProcess;
  stderr = '';
  readonly #end: Promise<number | null>;

  constructor(settings: WriterSettings) {
    const all = { maximumBytes: 0, files: 5, compress: false, ...settings };
    this.child = spawn(program, [JSON.stringify(all)], { stdio: ['pipe', 'inherit', 'pipe'] });
    this.child.stderr?.on('data', (data) => {
      this.stderr += data;
    });
    this.#end = new Promise((resolve) => this.child.once('close', resolve));
  }

  /** Resolves when the program has read it, or has it in its pipe. */
  async say(data: string | Uint8Array): Promise<void> {
    await new Promise<void>((resolve, reject) =>
      this.child.stdin?.write(data, (error) => (error ? reject(error) : resolve())),
    );
  }

  /** Ends the input: the bytes that were dropped. */
  async end(): Promise<number> {
    this.child.stdin?.end();
    const status = await this.#end;
    const dropped = /^dropped (\d+)$/m.exec(this.stderr)?.[1];
    if (status !== 0 || dropped === undefined) throw new Error(`log-writer: exit ${status}: ${this.stderr}`);
    return Number(dropped);
  }
}

/** Waits until it is so. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (condition()) return;
    await sleep(20);
  }
  throw new Error(`never: ${what}`);
}

/** The names under which a log was kept, the oldest first. */
export function logFiles(path: string, count: number): string[] {
  const ages = Array.from({ length: count - 1 }, (_, index) => count - 1 - index);
  return [...ages.flatMap((age) => [`${path}.${age}.gz`, `${path}.${age}`]), path].filter((name) => existsSync(name));
}

export function readLog(name: string): Buffer {
  const data = readFileSync(name);
  return name.endsWith('.gz') ? gunzipSync(data) : data;
}

/** What was logged, of records in either format; pieces are joined. Throws at a record that is none. */
export function contentOf(format: 'cri' | 'json-file', records: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < records.length; ) {
    const end = records.indexOf(0x0a, at);
    if (end < 0) throw new Error('a record has no end');
    const record = records.subarray(at, end);
    at = end + 1;
    if (format === 'json-file') {
      const { log, stream, time } = JSON.parse(record.toString()) as Record<string, string>;
      if (stream !== 'stdout' || !Number.isFinite(Date.parse(time ?? ''))) throw new Error(`not a record: ${record}`);
      parts.push(Buffer.from(log ?? ''));
      continue;
    }
    const head = record.subarray(0, 40).toString('latin1');
    if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z stdout [FP] $/.test(head))
      throw new Error(`not a record: ${record.subarray(0, 100)}`);
    parts.push(record.subarray(40));
    if (head[38] === 'F') parts.push(Buffer.from('\n'));
  }
  return Buffer.concat(parts);
}
