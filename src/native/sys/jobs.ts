import { door } from './door.ts';
import { contextPlace } from './memory.ts';

/** Where the next call may write the context of the job: there is one alone. */
const context = new BigUint64Array(1);

/** Runs promise jobs until none is left; an error that no code caught ends it and is thrown. quickjs.h. */
export function runJobs(): void {
  const runtime = door.JS_GetRuntime(contextPlace());
  while (door.JS_ExecutePendingJob(runtime, context) > 0);
}
