import type { ContainerState, HealthStatus } from '#common/protocol/container.ts';
import type { Container } from '../container.ts';

const NEVER = '0001-01-01T00:00:00Z';

/** How a container stands. Engine API, "ContainerState". */
export function stateView(container: Container) {
  const { status, state, record } = container;
  const running = container.isRunning;
  const exit = state?.exit;
  const failure = record.failure;
  return {
    Status: status,
    Running: running,
    Paused: status === 'paused',
    Restarting: status === 'restarting',
    OOMKilled: exit?.outOfMemory ?? false,
    Dead: false,
    Pid: running ? (state?.pid ?? 0) : 0,
    ExitCode: exitStatus(container),
    Error: failure?.message ?? (running ? '' : (exit?.failure?.message ?? '')),
    StartedAt: state?.startedAt ?? NEVER,
    FinishedAt: exit?.at ?? NEVER,
    ...(state?.health && { Health: healthView(state.health) }),
  };
}

/** Of one whose end nobody saw: 255. */
export function exitStatus({ status, state, record }: Container): number {
  if (record.failure && status === 'created') return record.failure.status;
  if (status === 'running' || status === 'paused') return 0;
  if (state?.exit) return state.exit.status;
  return status === 'exited' ? 255 : 0;
}

export function healthView({ status, failures, checks }: HealthStatus) {
  return {
    Status: status,
    FailingStreak: failures,
    Log: checks.map(({ start, end, status: ExitCode, output: Output }) => ({
      Start: start,
      End: end,
      ExitCode,
      Output,
    })),
  };
}

/** "Up 5 minutes (healthy)", as `docker ps` shows it. */
export function statusText(container: Container, now = Date.now()): string {
  const { status, state } = container;
  const since = (time: string | undefined) => durationText((now - Date.parse(time ?? NEVER)) / 1000);
  switch (status) {
    case 'running':
      return `Up ${since(state?.startedAt)}${healthText(state)}`;
    case 'paused':
      return `Up ${since(state?.startedAt)} (Paused)`;
    case 'restarting':
      return `Restarting (${exitStatus(container)}) ${since(state?.exit?.at)} ago`;
    case 'exited':
      return `Exited (${exitStatus(container)}) ${since(state?.exit?.at)} ago`;
    case 'removing':
      return 'Removal In Progress';
    default:
      return 'Created';
  }
}

function healthText(state: ContainerState | undefined): string {
  const status = state?.health?.status;
  if (status === undefined) return '';
  return ` (${status === 'starting' ? 'health: starting' : status})`;
}

/** In the largest unit that fits, the way people say it. */
export function durationText(seconds: number): string {
  const whole = Math.floor(seconds);
  if (whole < 1) return 'Less than a second';
  if (whole === 1) return '1 second';
  if (whole < 60) return `${whole} seconds`;
  const minutes = Math.floor(whole / 60);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.round(whole / 3600);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  const days = Math.floor(whole / 86_400);
  if (hours < 24 * 7 * 2) return `${days} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(days / 7)} weeks`;
  return hours < 24 * 365 * 2 ? `${Math.floor(days / 30)} months` : `${Math.floor(days / 365)} years`;
}
