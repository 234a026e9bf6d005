import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import { parse } from 'yaml';
import type { Answer } from './engine.ts';

type Json = Record<string, unknown>;

interface Response {
  schema?: Json;
}

interface SpecifiedOperation {
  operationId: string;
  produces?: string[];
  parameters?: { name: string; in: string; schema?: Json }[];
  responses: Record<string, Response>;
}

/** Every operation may be asked for what is wrong, not there, in the way or not supported: told as other failures are. */
const anywhere = [400, 404, 409, 501];

const path = resolve(process.cwd(), '../shared/specs/docker-engine-api.yaml');

/** What Docker publishes of its Engine API. It is none of ours: tests that compare with it are skipped where it is absent. */
export class EngineApi {
  readonly definitions: Record<string, Json>;
  readonly #paths: Record<string, Record<string, SpecifiedOperation>>;
  readonly #ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
  readonly #validators = new Map<string, ValidateFunction>();

  static readonly missing = existsSync(path) ? false : `there is no ${path}`;

  constructor() {
    const { definitions, paths } = parse(readFileSync(path, 'utf8'));
    this.definitions = definitions;
    this.#paths = paths;
  }

  /** The operation at a path such as `/containers/{id}/json`. Throws a `RangeError` where there is none. */
  operation(method: string, template: string): SpecifiedOperation {
    const found = this.#paths[template]?.[method.toLowerCase()];
    if (found) return found;
    throw new RangeError(`the Engine API has no ${method} ${template}`);
  }

  /** Names of the fields of a definition, those that it takes from others included. */
  fields(definition: string): string[] {
    return Object.keys((this.#closed(this.definitions[definition] ?? {})['properties'] as Json | undefined) ?? {});
  }

  /** Names of the fields of a request's body. */
  bodyFields(method: string, template: string): string[] {
    const body = this.operation(method, template).parameters?.find((one) => one.in === 'body');
    return Object.keys((this.#closed(body?.schema ?? {})['properties'] as Json | undefined) ?? {});
  }

  /** What an answer has that is not specified: its status, its type, or a field of its document. */
  problems(method: string, template: string, { status, headers, text, json }: Answer): string[] {
    const { responses, produces = ['application/json', 'text/plain'] } = this.operation(method, template);
    const response = responses[status] ?? (anywhere.includes(status) ? responses[500] : undefined);
    if (!response) return [`the status ${status} is not specified`];
    const { schema } = response;
    if (method === 'HEAD' || !schema) return [];
    const type = String(headers['content-type']).replace(/;.*/, '');
    if (type !== 'application/json') return produces.includes(type) ? [] : [`the type ${type} is not specified`];
    // Versions before 1.52 call it JSON as well where it is one document after the other.
    if (status < 400 && produces.includes('application/jsonl'))
      return text
        .split('\n')
        .filter(Boolean)
        .flatMap((line) => this.#documentProblems(`${method} ${template} ${status}`, schema, JSON.parse(line)));
    return this.#documentProblems(`${method} ${template} ${status}`, schema, json);
  }

  #documentProblems(key: string, schema: Json, document: unknown): string[] {
    const validate = this.#validators.get(key) ?? this.#ajv.compile(this.#closed(schema));
    this.#validators.set(key, validate);
    if (validate(document)) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath || '/'} ${message} ${JSON.stringify(params)}`,
    );
  }

  /** A schema of Swagger as one of JSON Schema that knows every field: references and unions are put in their place. */
  #closed(schema: Json): Json {
    const { $ref, allOf, 'x-nullable': nullable, example: _example, ...rest } = schema;
    if (typeof $ref === 'string') {
      const name = $ref.replace('#/definitions/', '');
      return this.#closed({ ...this.definitions[name], ...(nullable === true && { 'x-nullable': true }) });
    }
    const parts = ((allOf as Json[] | undefined) ?? []).map((part) => this.#closed(part));
    const closed: Json = Object.assign({}, ...parts, rest);
    const own = Object.entries((rest['properties'] as Record<string, Json> | undefined) ?? {});
    const properties = Object.assign(
      {},
      ...parts.map((part) => part['properties']),
      Object.fromEntries(own.map(([name, part]) => [name, this.#closed(part)])),
    );
    if (Object.keys(properties).length > 0) {
      closed['properties'] = properties;
      closed['additionalProperties'] ??= false;
    }
    if (typeof rest['additionalProperties'] === 'object')
      closed['additionalProperties'] = this.#closed(rest['additionalProperties'] as Json);
    if (rest['items']) closed['items'] = this.#closed(rest['items'] as Json);
    return nullable === true ? { anyOf: [closed, { type: 'null' }] } : closed;
  }
}
