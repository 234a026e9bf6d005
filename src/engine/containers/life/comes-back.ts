import type { ContainerState } from '#common/protocol/container.ts';
import type { ContainerRecord } from '../record.ts';

/**
 * Whether a container that does not run is to run again, `end` being what is known of its end: after a boot, or where agent
 * and monitor were both lost. Docker CLI reference, "docker run", --restart.
 */
export function comesBack(record: ContainerRecord, end: ContainerState | undefined): boolean {
  const policy = policyOf(record);
  if (policy === 'always') return true;
  // Nobody told it to end.
  if (!end?.exit) return policy !== 'no';
  if (policy === 'unless-stopped') return record.endedWithSystem === true || !(end.stopped || end.signalled);
  // What has ended by itself was started again as often as it was to be.
  return policy === 'on-failure' && record.endedWithSystem === true && end.exit.status !== 0;
}

/** Whether a boot is to look after it: only then, the engine is started without being asked for. */
export function mayComeBack(record: ContainerRecord): boolean {
  return record.started && !record.removing && policyOf(record) !== 'no';
}

function policyOf({ host }: ContainerRecord): string {
  return host.RestartPolicy?.Name || 'no';
}
