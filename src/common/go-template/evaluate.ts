import { templateError } from './error.ts';
import { isTrue, type TemplateFunction, templateFunctions } from './functions.ts';
import { type Command, type Node, type Pipeline, parseTemplate, type Template, type Value } from './parser.ts';
import { goText } from './print.ts';

export interface EvaluateOptions {
  /** Answers for a field that an object lacks; `parent` is the field that the object was found under. Default: an error. */
  missing?(object: Record<string, unknown>, name: string, parent: string | undefined): unknown;
  /** How a field is printed that is null: in Go it has a type, which its name tells. Default: `<no value>`. */
  nullText?(name: string): string;
  /** Further functions. */
  functions?: Record<string, TemplateFunction>;
}

/** A template that can be filled in with data, which are JSON values; functions in them are methods. */
export type Compiled = (data: unknown) => string;

/** What a field that is not there is printed as. */
export const noValue = Symbol('no value');

const DEPTH_LIMIT = 100;

/** Compiles a template of Go's text/template. Throws `invalid`, here and when it is filled in. */
export function compileTemplate(text: string, options: EvaluateOptions = {}): Compiled {
  const table = { ...templateFunctions, ...options.functions };
  const template = parseTemplate(text, new Set(Object.keys(table)));
  return (data) => {
    const run = new Run(template, table, options);
    run.nodes(template.body, data, new Scope(undefined, data));
    return run.output.join('');
  };
}

class Scope {
  readonly #outer: Scope | undefined;
  readonly #values = new Map<string, unknown>();

  constructor(outer: Scope | undefined, root?: unknown) {
    this.#outer = outer;
    if (!outer) this.#values.set('$', root);
  }

  declare(name: string, value: unknown): void {
    this.#values.set(name, value);
  }

  #holder(name: string): Scope {
    if (this.#values.has(name)) return this;
    if (!this.#outer) throw templateError(`undefined variable "${name}"`);
    return this.#outer.#holder(name);
  }

  get(name: string): unknown {
    return this.#holder(name).#values.get(name);
  }

  assign(name: string, value: unknown): void {
    this.#holder(name).#values.set(name, value);
  }
}

type Jump = 'break' | 'continue' | undefined;

class Run {
  readonly output: string[] = [];
  readonly #template: Template;
  readonly #functions: Record<string, TemplateFunction>;
  readonly #options: EvaluateOptions;
  #depth = 0;

  constructor(template: Template, functions: Record<string, TemplateFunction>, options: EvaluateOptions) {
    this.#template = template;
    this.#functions = functions;
    this.#options = options;
  }

  nodes(nodes: readonly Node[], dot: unknown, scope: Scope): Jump {
    for (const node of nodes) {
      const jump = this.#node(node, dot, scope);
      if (jump) return jump;
    }
    return undefined;
  }

  #node(node: Node, dot: unknown, scope: Scope): Jump {
    switch (node.kind) {
      case 'text':
        this.output.push(node.text);
        return undefined;
      case 'action': {
        const value = this.#pipeline(node.pipeline, dot, scope);
        if (node.pipeline.variables.length === 0) this.output.push(this.#printed(value, node.pipeline));
        return undefined;
      }
      case 'if':
      case 'with': {
        const inner = new Scope(scope);
        const value = this.#pipeline(node.pipeline, dot, inner);
        const holds = value !== noValue && isTrue(value);
        return this.nodes(holds ? node.body : node.otherwise, holds && node.kind === 'with' ? value : dot, inner);
      }
      case 'range':
        return this.#range(node, dot, scope);
      case 'template': {
        const body = this.#template.defined.get(node.name);
        if (!body) throw templateError(`template "${node.name}" not defined`);
        if (++this.#depth > DEPTH_LIMIT) throw templateError('exceeded maximum template depth');
        const data = node.pipeline ? this.#pipeline(node.pipeline, dot, scope) : undefined;
        this.nodes(body, data, new Scope(undefined, data));
        this.#depth--;
        return undefined;
      }
      default:
        return node.kind;
    }
  }

  #printed(value: unknown, { commands }: Pipeline): string {
    const [only] = commands.length === 1 ? (commands[0] as Command) : [];
    if (value === null && only?.kind === 'fields' && this.#options.nullText)
      return this.#options.nullText(only.names.at(-1) as string);
    return value === noValue || value === null || value === undefined ? '<no value>' : goText(value);
  }

  #range(node: Node & { kind: 'if' | 'with' | 'range' }, dot: unknown, scope: Scope): Jump {
    const { variables, declares } = node.pipeline;
    const value = this.#pipeline({ ...node.pipeline, variables: [] }, dot, scope);
    const entries = entriesOf(value);
    for (const [key, item] of entries) {
      const inner = new Scope(scope);
      const [first, second] = variables;
      const set = (name: string, content: unknown) =>
        declares ? inner.declare(name, content) : inner.assign(name, content);
      if (first !== undefined) set(first, second === undefined ? item : key);
      if (second !== undefined) set(second, item);
      if (this.nodes(node.body, item, inner) === 'break') break;
    }
    return entries.length === 0 ? this.nodes(node.otherwise, dot, scope) : undefined;
  }

  #pipeline({ commands, variables, declares }: Pipeline, dot: unknown, scope: Scope): unknown {
    let value: unknown = noValue;
    commands.forEach((command, at) => {
      value = this.#command(command, dot, scope, at === 0 ? [] : [value]);
    });
    for (const name of variables) {
      if (declares) scope.declare(name, value);
      else scope.assign(name, value);
    }
    return value;
  }

  #command([first, ...rest]: Command, dot: unknown, scope: Scope, last: unknown[]): unknown {
    const callee = first as Value;
    if (callee.kind === 'function') return this.#call(callee.name, rest, dot, scope, last);
    const given = [...rest.map((value) => this.#value(value, dot, scope)), ...last];
    if (callee.kind === 'fields') return this.#fields(callee, dot, scope, given);
    if (given.length > 0)
      throw templateError(`can't give argument to non-function ${goText(this.#value(callee, dot, scope))}`);
    if (callee.kind === 'nil') throw templateError('nil is not a command');
    return this.#value(callee, dot, scope);
  }

  #call(name: string, rest: readonly Value[], dot: unknown, scope: Scope, last: readonly unknown[]): unknown {
    // They stop at the first value that decides.
    if (name === 'and' || name === 'or') {
      let value: unknown;
      for (const argument of rest) {
        value = this.#value(argument, dot, scope);
        if (isTrue(value) === (name === 'or')) return value;
      }
      return last.length > 0 ? last[0] : value;
    }
    const values = [...rest.map((value) => this.#value(value, dot, scope)), ...last];
    return (this.#functions[name] as TemplateFunction)(...values.map((value) => (value === noValue ? null : value)));
  }

  #value(value: Value, dot: unknown, scope: Scope): unknown {
    switch (value.kind) {
      case 'dot':
        return dot;
      case 'nil':
        return null;
      case 'literal':
        return value.value;
      case 'variable':
        return scope.get(value.name);
      case 'function':
        return this.#call(value.name, [], dot, scope, []);
      case 'pipeline':
        return this.#pipeline(value.pipeline, dot, scope);
      default:
        return this.#fields(value, dot, scope, []);
    }
  }

  /** `.A.B`: arguments go to the last field, which then is a method. */
  #fields({ of, names }: Value & { kind: 'fields' }, dot: unknown, scope: Scope, given: readonly unknown[]): unknown {
    let at = of ? this.#value(of, dot, scope) : dot;
    names.forEach((name, place) => {
      const isLast = place === names.length - 1;
      at = this.#field(at, name, names[place - 1]);
      if (typeof at === 'function') at = at(...(isLast ? given : []));
      else if (isLast && given.length > 0) throw templateError(`${name} has arguments but is no method`);
    });
    return at;
  }

  #field(value: unknown, name: string, parent: string | undefined): unknown {
    if (value === noValue || value === undefined) return noValue;
    if (value === null) throw templateError(`nil pointer evaluating .${name}`);
    if (typeof value !== 'object' || Array.isArray(value))
      throw templateError(`can't evaluate field ${name} in ${goText(value)}`);
    const object = value as Record<string, unknown>;
    if (Object.hasOwn(object, name)) return object[name];
    if (this.#options.missing) return this.#options.missing(object, name, parent);
    throw templateError(`can't evaluate field ${name}`);
  }
}

function entriesOf(value: unknown): [unknown, unknown][] {
  if (Array.isArray(value)) return value.map((item, at) => [at, item]);
  if (typeof value === 'number') return Array.from({ length: Math.max(0, value) }, (_, at) => [at, at]);
  if (value === noValue || value === null || value === undefined) return [];
  if (typeof value === 'object')
    return Object.keys(value)
      .sort()
      .map((key) => [key, (value as Record<string, unknown>)[key]]);
  throw templateError(`range can't iterate over ${goText(value)}`);
}
