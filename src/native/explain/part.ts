import { utf8 } from '#sys/bytes.ts';
import { errnoTable } from '#sys/errno-names.ts';
import { writeAll } from '#sys/files.ts';
import { type ExplainedStep, Recorder } from './recorder.ts';
import { treeText } from './tree.ts';

const CHUNK = 30_000;

/** `--explain`: records a start in both processes and shows it as one tree. */
export class Explanation {
  readonly #recorder: Recorder;
  readonly #json: boolean;
  #received = '';

  constructor(name: string, format: string) {
    this.#json = format === 'json';
    this.#recorder = new Recorder(name);
  }

  /** In the container's process, right after the clone. */
  inContainer(): void {
    this.#recorder.startOver('build the container');
  }

  /** In the container's process, before its program takes over: its tree, in pieces small enough for a message. */
  pieces(): string[] {
    const text = JSON.stringify(this.#recorder.tree());
    const pieces: string[] = [];
    for (let at = 0; at < text.length; at += CHUNK) pieces.push(text.slice(at, at + CHUNK));
    return pieces;
  }

  /** In the runtime: a piece arrived. */
  add(piece: string): void {
    this.#received += piece;
  }

  /** Writes the whole tree to standard error. */
  print(): void {
    const tree = this.#recorder.tree();
    if (this.#received !== '') insert(tree, JSON.parse(this.#received) as ExplainedStep);
    const text = this.#json
      ? `${JSON.stringify(tree)}\n`
      : treeText(tree, (errno) => errnoTable[errno]?.[0] ?? `-${errno}`);
    writeAll(2, utf8(text));
  }
}

/** The container's part stands after the step of the runtime that was under way when it began. */
function insert(tree: ExplainedStep, child: ExplainedStep): void {
  const at = tree.actions.findIndex((action) => 'step' in action && action.startMicroseconds > child.startMicroseconds);
  tree.actions.splice(at < 0 ? tree.actions.length : at, 0, child);
}
