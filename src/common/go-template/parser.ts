import { templateError } from './error.ts';
import { type Piece, piecesOf, type Token } from './lexer.ts';

/** What a template consists of. */
export type Node =
  | { kind: 'text'; text: string }
  | { kind: 'action'; pipeline: Pipeline }
  | { kind: 'if' | 'with' | 'range'; pipeline: Pipeline; body: Node[]; otherwise: Node[] }
  | { kind: 'template'; name: string; pipeline: Pipeline | undefined }
  | { kind: 'break' | 'continue' };

export interface Pipeline {
  /** Variables that it sets. */
  variables: string[];
  /** They are new: `:=`, not `=`. */
  declares: boolean;
  commands: Command[];
  source: string;
}

/** The first value is called with the others, where it can be. */
export type Command = Value[];

export type Value =
  | { kind: 'dot' | 'nil' }
  | { kind: 'literal'; value: string | number | bigint | boolean }
  | { kind: 'function'; name: string }
  /** Fields of the dot, of a variable, or of what parentheses hold. */
  | { kind: 'fields'; of: Value | undefined; names: string[] }
  | { kind: 'variable'; name: string }
  | { kind: 'pipeline'; pipeline: Pipeline };

export interface Template {
  body: Node[];
  defined: Map<string, Node[]>;
}

/** Reads a template as Go's text/template does. `functions`: names that it may call. Throws `invalid`. */
export function parseTemplate(text: string, functions: ReadonlySet<string>): Template {
  const parser = new Parser(piecesOf(text), functions);
  const { nodes, ending } = parser.nodes(new Set());
  if (ending) throw templateError(`unexpected {{${ending}}}`);
  return { body: nodes, defined: parser.defined };
}

const blocks = new Set(['if', 'with', 'range', 'define', 'block', 'template', 'end', 'else', 'break', 'continue']);

class Parser {
  readonly defined = new Map<string, Node[]>();
  readonly #pieces: Piece[];
  readonly #functions: ReadonlySet<string>;
  #at = 0;
  #loops = 0;

  constructor(pieces: Piece[], functions: ReadonlySet<string>) {
    this.#pieces = pieces;
    this.#functions = functions;
  }

  /** Nodes up to an action that ends them, such as `end`. */
  nodes(endings: ReadonlySet<string>): { nodes: Node[]; ending: string | undefined; tokens: Tokens | undefined } {
    const nodes: Node[] = [];
    for (;;) {
      const piece = this.#pieces[this.#at++];
      if (!piece) {
        if (endings.size > 0) throw templateError('unexpected EOF: an {{end}} is missing');
        return { nodes, ending: undefined, tokens: undefined };
      }
      if (piece.kind === 'text') {
        nodes.push(piece);
        continue;
      }
      const tokens = new Tokens(piece.tokens, piece.source, this.#functions);
      const word = tokens.peek()?.kind === 'word' && blocks.has(tokens.peek()?.text ?? '') ? tokens.take().text : '';
      if (word === 'end' || word === 'else') {
        if (!endings.has(word)) throw templateError(`unexpected {{${word}}}`);
        return { nodes, ending: word, tokens };
      }
      const node = this.#node(word, tokens);
      if (node) nodes.push(node);
    }
  }

  #node(word: string, tokens: Tokens): Node | undefined {
    switch (word) {
      case 'if':
      case 'with':
      case 'range':
        return this.#block(word, tokens);
      case 'define': {
        const name = tokens.name();
        this.defined.set(name, this.nodes(new Set(['end'])).nodes);
        return undefined;
      }
      case 'block': {
        const name = tokens.name();
        const pipeline = tokens.pipeline();
        this.defined.set(name, this.nodes(new Set(['end'])).nodes);
        return { kind: 'template', name, pipeline };
      }
      case 'template': {
        const name = tokens.name();
        return { kind: 'template', name, pipeline: tokens.peek() ? tokens.pipeline() : undefined };
      }
      case 'break':
      case 'continue':
        if (this.#loops === 0) throw templateError(`{{${word}}} outside {{range}}`);
        return { kind: word };
      default:
        return { kind: 'action', pipeline: tokens.pipeline() };
    }
  }

  #block(kind: 'if' | 'with' | 'range', tokens: Tokens): Node {
    const pipeline = tokens.pipeline(kind === 'range');
    if (kind === 'range') this.#loops++;
    const first = this.nodes(new Set(['end', 'else']));
    if (kind === 'range') this.#loops--;
    if (first.ending === 'end') return { kind, pipeline, body: first.nodes, otherwise: [] };
    const next = first.tokens?.peek()?.text;
    // `{{else if …}}` shares the end of the block that it stands in.
    if (first.tokens && (next === 'if' || next === 'with')) {
      first.tokens.take();
      return { kind, pipeline, body: first.nodes, otherwise: [this.#block(next, first.tokens)] };
    }
    return { kind, pipeline, body: first.nodes, otherwise: this.nodes(new Set(['end'])).nodes };
  }
}

/** The tokens of one action, taken from the left. */
class Tokens {
  readonly #tokens: Token[];
  readonly #source: string;
  readonly #functions: ReadonlySet<string>;
  #at = 0;

  constructor(tokens: Token[], source: string, functions: ReadonlySet<string>) {
    this.#tokens = tokens;
    this.#source = source;
    this.#functions = functions;
  }

  peek(offset = 0): Token | undefined {
    return this.#tokens[this.#at + offset];
  }

  take(): Token {
    const token = this.#tokens[this.#at++];
    if (!token) throw templateError(`missing value in {{${this.#source}}}`);
    return token;
  }

  name(): string {
    const token = this.take();
    if (token.kind !== 'text') throw templateError(`expected a quoted name in {{${this.#source}}}`);
    return token.text;
  }

  pipeline(inRange = false, inside = false): Pipeline {
    const { variables, declares } = this.#variables(inRange);
    const commands: Command[] = [];
    for (;;) {
      commands.push(this.#command());
      const token = this.peek();
      if (!token || (inside && token.kind === 'sign' && token.text === ')')) break;
      if (token.kind !== 'sign' || token.text !== '|')
        throw templateError(`unexpected ${token.text} in {{${this.#source}}}`);
      this.#at++;
    }
    return { variables, declares, commands, source: this.#source };
  }

  #variables(inRange: boolean): { variables: string[]; declares: boolean } {
    const isSign = (offset: number, text: string) =>
      this.peek(offset)?.kind === 'sign' && this.peek(offset)?.text === text;
    if (this.peek()?.kind !== 'variable') return { variables: [], declares: false };
    const count = inRange && isSign(1, ',') && this.peek(2)?.kind === 'variable' ? 3 : 1;
    const declares = isSign(count, ':=');
    if (!declares && !isSign(count, '=')) return { variables: [], declares: false };
    const variables = [this.peek()?.text ?? '', ...(count === 3 ? [this.peek(2)?.text ?? ''] : [])];
    this.#at += count + 1;
    return { variables, declares };
  }

  #command(): Command {
    const values: Value[] = [];
    for (;;) {
      const token = this.peek();
      if (!token || (token.kind === 'sign' && token.text !== '(')) break;
      if (values.length > 0 && !token.spaced && token.kind !== 'sign')
        throw templateError(`unexpected ${token.text} in {{${this.#source}}}`);
      values.push(this.#value());
    }
    if (values.length === 0) throw templateError(`missing value in {{${this.#source}}}`);
    return values;
  }

  #value(): Value {
    const token = this.take();
    const base = this.#operand(token);
    const names: string[] = [];
    for (let next = this.peek(); next?.kind === 'field' && !next.spaced; next = this.peek())
      names.push(this.take().text);
    if (token.kind === 'field') return { kind: 'fields', of: undefined, names: [token.text, ...names] };
    return names.length === 0 ? base : { kind: 'fields', of: base, names };
  }

  #operand({ kind, text }: Token): Value {
    if (kind === 'field' || kind === 'dot') return { kind: 'dot' };
    if (kind === 'variable') return { kind: 'variable', name: text };
    if (kind === 'text') return { kind: 'literal', value: text };
    if (kind === 'character') return { kind: 'literal', value: Number(text) };
    if (kind === 'number') return { kind: 'literal', value: numberOf(text) };
    if (kind === 'word') return this.#wordValue(text);
    if (text !== '(') throw templateError(`unexpected ${text} in {{${this.#source}}}`);
    const pipeline = this.pipeline(false, true);
    if (this.take().text !== ')') throw templateError(`unclosed left paren in {{${this.#source}}}`);
    return { kind: 'pipeline', pipeline };
  }

  #wordValue(text: string): Value {
    if (text === 'true' || text === 'false') return { kind: 'literal', value: text === 'true' };
    if (text === 'nil') return { kind: 'nil' };
    if (!this.#functions.has(text)) throw templateError(`function "${text}" not defined`);
    return { kind: 'function', name: text };
  }
}

function numberOf(text: string): number {
  const bare = text.replaceAll('_', '');
  const octal = /^([+-]?)0([0-7]+)$/.exec(bare);
  if (octal) return Number.parseInt(`${octal[1]}${octal[2]}`, 8);
  const [, sign = '', rest = ''] = /^([+-]?)(.*)$/.exec(bare) ?? [];
  const value = Number(rest);
  if (Number.isNaN(value)) throw templateError(`bad number syntax: "${text}"`);
  return sign === '-' ? -value : value;
}
