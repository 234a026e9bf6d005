// A strict JSON parser of our own (RFC 8259), for what JSON.parse cannot do: long integers and the place of a fault.
import { ProaError } from '#common/errors.ts';

/** Deeper documents are refused; the specifications nest less than 10 levels. */
const depthLimit = 200;
/** The longest 64-bit integer has 20 characters. Much longer ones stay numbers: their exact value serves nobody. */
const integerLimit = 40;

/** As parseJson(), whatever the text holds. `valid` says that JSON.parse takes it, so that less is checked. */
export function parseExactly(text: string, valid = false): unknown {
  const reader = new Reader(text, valid);
  const value = reader.value(0);
  reader.space();
  if (reader.at < text.length) reader.fail('expected the end');
  return value;
}

const numeral = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const plain = /^[^"\\\u0000-\u001f]*$/;
const unescaped: Record<string, string> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  '"': '"',
  '\\': '\\',
  '/': '/',
};

class Reader {
  at = 0;
  private readonly text: string;
  private readonly valid: boolean;

  constructor(text: string, valid: boolean) {
    this.text = text;
    this.valid = valid;
  }

  value(depth: number): unknown {
    this.space();
    const first = this.text[this.at];
    if (first === '"') return this.string();
    if (first === '{' || first === '[') {
      if (depth === depthLimit) this.fail(`more than ${depthLimit} levels deep`);
      return first === '{' ? this.object(depth + 1) : this.array(depth + 1);
    }
    if (first === 't') return this.word('true', true);
    if (first === 'f') return this.word('false', false);
    if (first === 'n') return this.word('null', null);
    return this.number();
  }

  space(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
      this.at++;
    }
  }

  fail(what: string, at = this.at): never {
    const before = this.text.slice(0, at);
    const line = before.split('\n').length;
    const column = at - before.lastIndexOf('\n');
    const code = this.text.codePointAt(at);
    const found = code === undefined ? 'the end of the text' : JSON.stringify(String.fromCodePoint(code));
    throw new ProaError(`line ${line}, column ${column}: ${what}, got ${found}`, { kind: 'invalid' });
  }

  private object(depth: number): unknown {
    const object: Record<string, unknown> = {};
    this.at++;
    if (this.ends('}')) return object;
    for (;;) {
      if (this.text[this.at] !== '"') this.fail('expected a key in quotes');
      const key = this.string();
      this.space();
      if (this.text[this.at] !== ':') this.fail('expected ":"');
      this.at++;
      const value = this.value(depth);
      // Assigning to it would set the prototype instead.
      if (key === '__proto__') Object.defineProperty(object, key, { value, ...ordinary });
      else object[key] = value;
      if (this.ends('}')) return object;
      this.comma('}');
    }
  }

  private array(depth: number): unknown {
    const array: unknown[] = [];
    this.at++;
    if (this.ends(']')) return array;
    for (;;) {
      array.push(this.value(depth));
      if (this.ends(']')) return array;
      this.comma(']');
    }
  }

  private ends(close: string): boolean {
    this.space();
    if (this.text[this.at] !== close) return false;
    this.at++;
    return true;
  }

  private comma(close: string): void {
    if (this.text[this.at] !== ',') this.fail(`expected "," or "${close}"`);
    this.at++;
    this.space();
  }

  private word(word: string, value: unknown): unknown {
    if (!this.text.startsWith(word, this.at)) this.fail('expected a value');
    this.at += word.length;
    return value;
  }

  private number(): number | bigint {
    numeral.lastIndex = this.at;
    const found = numeral.exec(this.text);
    if (found === null) this.fail('expected a value');
    const [digits, fraction, exponent] = found;
    this.at += digits.length;
    const value = Number(digits);
    if (Number.isSafeInteger(value) || fraction !== undefined || exponent !== undefined) return value;
    return digits.length > integerLimit ? value : BigInt(digits);
  }

  private string(): string {
    const start = ++this.at;
    const end = this.text.indexOf('"', start);
    const text = end < 0 ? '\\' : this.text.slice(start, end);
    if (text.includes('\\') || (!this.valid && !plain.test(text))) return this.stringWithEscapes();
    this.at = end + 1;
    return text;
  }

  private stringWithEscapes(): string {
    let result = '';
    while (this.text[this.at] !== '"') {
      const from = this.at;
      while (plain.test(this.text[this.at] ?? '\0')) this.at++;
      result += this.text.slice(from, this.at);
      if (this.text[this.at] === '\\') result += this.escape();
      else if (this.text[this.at] !== '"') this.fail('expected the rest of a string');
    }
    this.at++;
    return result;
  }

  private escape(): string {
    const letter = this.text[this.at + 1] ?? '';
    if (letter === 'u') {
      const digits = this.text.slice(this.at + 2, this.at + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.fail('expected an escape such as \\u000a');
      this.at += 6;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const meant = Object.hasOwn(unescaped, letter) ? unescaped[letter] : undefined;
    if (meant === undefined) this.fail('expected an escape such as \\n', this.at + 1);
    this.at += 2;
    return meant;
  }
}

const ordinary = { writable: true, enumerable: true, configurable: true };
