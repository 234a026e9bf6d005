// What an agent is asked. Each connection carries a Hello (monitor.ts) and one question; for `create`, the process that
// answers it is the container's monitor from then on.
import * as check from '../check/check.ts';
import { checked } from '../check/checked.ts';
import { type ContainerRequest, containerRequest } from './container.ts';

/** `keep`: after the answer the connection is one to the monitor, with no greeting of its own. Version 2. */
export type AgentQuestion = { number: number } & (
  | { ask: 'create'; container: ContainerRequest; keep?: boolean }
  /** Answered with the ids of the containers that have a monitor. */
  | { ask: 'list' }
);

/** What `create` is answered with: the process id of the container's first process, where it is made already. */
export interface Created {
  pid?: number;
}

const question = check.object(
  {
    __proto__: null,
    number: check.integer(0, Number.MAX_SAFE_INTEGER),
    ask: check.word('a request', '', 'create list'),
    keep: check.boolean,
  },
  ['number', 'ask'],
);

/** A question that came from another process. Throws `invalid`, naming the field. */
export function agentQuestion(value: unknown): AgentQuestion {
  const asked = checked<AgentQuestion>(question, 'question', value);
  if (asked.ask === 'create') containerRequest(asked.container);
  return asked;
}
