import { ApiError, StatusError } from '../failures.ts';

/** The statuses of `run` for a container that could not be started, as shells have them. Docker CLI reference, "Exit status". */
export function startFailure(error: unknown): StatusError {
  const text = error instanceof ApiError ? error.message : '';
  if (/executable file not found|no such file or directory/.test(text)) return new StatusError(127, error);
  if (/permission denied|is a directory/.test(text)) return new StatusError(126, error);
  return new StatusError(125, error);
}
