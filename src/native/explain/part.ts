import { utf8 } from '#sys/bytes.ts';
import { errnoTable } from '#sys/errno-names.ts';
import { writeAll } from '#sys/files.ts';
import { type ExplainedStep, Recorder } from './recorder.ts';
import { stepLines, treeText } from './tree.ts';

const CHUNK = 30_000;

/** `--explain` and `--debug`: records a start in both processes, as one tree. */
export class Explanation {
  readonly #recorder: Recorder;
  #received = '';
  #tree: ExplainedStep | undefined;

  constructor(name: string) {
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

  /** In the runtime: the end of what is recorded. The tree is whole. */
  #finish(): ExplainedStep {
    if (this.#tree) return this.#tree;
    this.#tree = this.#recorder.tree();
    const child = this.#childTree();
    if (child) insert(this.#tree, child);
    return this.#tree;
  }

  /** Of a child that was killed there may be a part, which says nothing. */
  #childTree(): ExplainedStep | undefined {
    try {
      return JSON.parse(this.#received) as ExplainedStep;
    } catch {
      return undefined;
    }
  }

  /** A line for each step. */
  steps(): string[] {
    return stepLines(this.#finish());
  }

  /** Writes the tree to standard error: as text, or as `json`. */
  print(format: string): void {
    const tree = this.#finish();
    const text =
      format === 'json'
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
