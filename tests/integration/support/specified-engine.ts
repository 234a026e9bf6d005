import assert from 'node:assert/strict';
import { type Answer, EngineProcess } from './engine.ts';
import { EngineApi } from './engine-api.ts';

const addresses = `Bridge HairpinMode LinkLocalIPv6Address LinkLocalIPv6PrefixLen SecondaryIPAddresses
  SecondaryIPv6Addresses EndpointID Gateway GlobalIPv6Address GlobalIPv6PrefixLen IPAddress IPPrefixLen IPv6Gateway
  MacAddress`.split(/\s+/);

const OLDER = 'it is there in versions before 1.52';

/** What answers may have beyond what is specified, and why. */
const permitted: { of: RegExp; problem: RegExp; reason: string }[] = [
  { of: / [45]\d\d$/, problem: beyond('remedy'), reason: 'what a caller can do about a failure' },
  { of: /^GET \/events /, problem: beyond('status', 'id', 'from'), reason: OLDER },
  { of: /^GET \/images\/\{name\}\/json /, problem: beyond('Parent', 'DockerVersion'), reason: OLDER },
  { of: /^GET \/containers\/\{id\}\/json /, problem: beyond(...addresses), reason: OLDER },
  {
    of: /^GET \/containers\/\{id\}\/json /,
    problem: /^\/Config\/Entrypoint must be array/,
    reason: 'an empty list, sent back to make such a container again, would take the image’s away',
  },
  {
    of: /^GET \/exec\/\{id\}\/json /,
    problem: /^\/ExitCode must be integer/,
    reason: 'clients look for null while it runs',
  },
];

/** Values of what stands in braces in a path, and of the query. Beside them: the status that is expected, and a body. */
interface Given {
  status?: number;
  body?: unknown;
  [name: string]: unknown;
}

/** An engine whose every answer is compared with what Docker specifies. */
export class SpecifiedEngine implements AsyncDisposable {
  readonly engine: EngineProcess;
  readonly api = new EngineApi();
  /** What was answered so far, such as `GET /version 200`. */
  readonly seen = new Set<string>();

  private constructor(engine: EngineProcess) {
    this.engine = engine;
  }

  static async start(): Promise<SpecifiedEngine> {
    return new SpecifiedEngine(await EngineProcess.start());
  }

  /** `line` is a method and a path such as `GET /containers/{id}/json`. Throws where the answer is not as specified. */
  async ask<T = Record<string, unknown>>(line: string, { status, body, ...given }: Given = {}): Promise<Answer<T>> {
    const [method = '', template = ''] = line.split(' ');
    const answer = await this.engine.call<T>(method, pathOf(template, given), body);
    const { text } = answer;
    const seen = `${line} ${answer.status}`;
    const problems = this.api.problems(method, template, answer).filter((problem) => !isPermitted(seen, problem));
    assert.deepEqual(problems, [], `${line} ${JSON.stringify(given)}:\n${text.slice(0, 5000)}`);
    if (status === undefined) assert.ok(answer.status < 400, `${line}: ${answer.status} ${text}`);
    else assert.equal(answer.status, status, `${line}: ${text}`);
    this.seen.add(seen);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.engine[Symbol.asyncDispose]();
  }
}

function pathOf(template: string, given: Record<string, unknown>): string {
  const query = new URLSearchParams();
  let path = template;
  for (const [name, value] of Object.entries(given)) {
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
    if (path.includes(`{${name}}`)) path = path.replace(`{${name}}`, text);
    else query.set(name, text);
  }
  return query.size > 0 ? `${path}?${query}` : path;
}

function isPermitted(seen: string, text: string): boolean {
  return permitted.some(({ of, problem }) => of.test(seen) && problem.test(text));
}

function beyond(...fields: string[]): RegExp {
  return new RegExp(`"additionalProperty":"(${fields.join('|')})"`);
}
