import { templateError } from './error.ts';

/** A piece of a template: text, or the tokens between `{{` and `}}`. */
export type Piece = { kind: 'text'; text: string } | { kind: 'action'; tokens: Token[]; source: string };

export type TokenKind = 'word' | 'field' | 'variable' | 'dot' | 'text' | 'number' | 'character' | 'sign';

export interface Token {
  kind: TokenKind;
  /** Of text its value, of fields and variables their name, of characters their number; otherwise as it was written. */
  text: string;
  /** White space stands before it: `.A .B` are two values, `.A.B` is one. */
  spaced: boolean;
}

const SPACE = /[ \t\r\n]/;

/** Takes a template apart. Source: Go's text/template, "Text and spaces", "Actions". */
export function piecesOf(template: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let trims = false;
  for (;;) {
    const open = template.indexOf('{{', at);
    let text = template.slice(at, open < 0 ? undefined : open);
    if (trims) text = text.replace(/^[ \t\r\n]+/, '');
    const trimsBefore = open >= 0 && template[open + 2] === '-' && SPACE.test(template[open + 3] ?? '');
    if (trimsBefore) text = text.replace(/[ \t\r\n]+$/, '');
    if (text !== '') pieces.push({ kind: 'text', text });
    if (open < 0) return pieces;
    const action = new ActionLexer(template, open + (trimsBefore ? 4 : 2)).read();
    if (action.tokens) pieces.push({ kind: 'action', tokens: action.tokens, source: action.source });
    trims = action.trims;
    at = action.end;
  }
}

const patterns: [TokenKind, RegExp][] = [
  ['text', /"(?:[^"\\\n]|\\.)*"|`[^`]*`/y],
  ['character', /'(?:[^'\\\n]|\\.[^']*)'/y],
  [
    'number',
    /[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+(?![\d.])|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)/y,
  ],
  ['variable', /\$[\p{L}_\p{N}]*/uy],
  ['field', /\.[\p{L}_][\p{L}_\p{N}]*/uy],
  ['dot', /\./y],
  ['word', /[\p{L}_][\p{L}_\p{N}]*/uy],
  ['sign', /:=|[=|(),]/y],
];

class ActionLexer {
  readonly #template: string;
  readonly #start: number;
  #at: number;

  constructor(template: string, start: number) {
    this.#template = template;
    this.#start = start;
    this.#at = start;
  }

  /** Tokens up to `}}`; none for a comment. */
  read(): { tokens: Token[] | undefined; source: string; trims: boolean; end: number } {
    if (this.#template.startsWith('/*', this.#at)) return this.#comment();
    const tokens: Token[] = [];
    for (;;) {
      const before = this.#at;
      while (SPACE.test(this.#template[this.#at] ?? '')) this.#at++;
      const spaced = this.#at > before;
      const trims = spaced && this.#template.startsWith('-}}', this.#at);
      if (trims || this.#template.startsWith('}}', this.#at)) {
        const source = this.#template.slice(this.#start, this.#at).trim();
        return { tokens, source, trims, end: this.#at + (trims ? 3 : 2) };
      }
      tokens.push(this.#token(spaced));
    }
  }

  #comment(): { tokens: undefined; source: string; trims: boolean; end: number } {
    const match = /\*\/([ \t\r\n]-)?\}\}/g;
    match.lastIndex = this.#at;
    const found = match.exec(this.#template);
    if (!found) throw templateError('unclosed comment');
    return { tokens: undefined, source: '', trims: found[1] !== undefined, end: match.lastIndex };
  }

  #token(spaced: boolean): Token {
    for (const [kind, pattern] of patterns) {
      pattern.lastIndex = this.#at;
      const match = pattern.exec(this.#template);
      if (!match) continue;
      this.#at = pattern.lastIndex;
      return { kind, text: valueOfToken(kind, match[0]), spaced };
    }
    const next = this.#template[this.#at];
    if (next === undefined) throw templateError('unclosed action');
    if (next === '"' || next === '`' || next === "'") throw templateError('unterminated quoted string');
    throw templateError(`unexpected ${JSON.stringify(next)} in an action`);
  }
}

function valueOfToken(kind: TokenKind, written: string): string {
  if (kind === 'field') return written.slice(1);
  if (kind === 'text') return written[0] === '`' ? written.slice(1, -1) : unescaped(written.slice(1, -1));
  if (kind === 'character') return String(unescaped(written.slice(1, -1)).codePointAt(0) ?? 0);
  return written;
}

const escapes: Record<string, string> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

function unescaped(text: string): string {
  return text.replace(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)/g, (_, code: string) => {
    if (/^[xuU]./.test(code)) return String.fromCodePoint(Number.parseInt(code.slice(1), 16));
    if (/^[0-7]{3}$/.test(code)) return String.fromCharCode(Number.parseInt(code, 8));
    if (Object.hasOwn(escapes, code)) return escapes[code] as string;
    if (code === '\\' || code === '"' || code === "'") return code;
    throw templateError(`unknown escape "\\${code}" in a string`);
  });
}
