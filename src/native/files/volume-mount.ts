import { describe, kindOf, ProaError } from '#common/errors.ts';
import type { FilesRequests } from '#common/protocol/files.ts';
import { type MountPlan, planMount } from '#runtime/rootfs/mount-options.ts';
import type { OwnedFd } from '#sys/fd.ts';
import { openPath, readText } from '#sys/files.ts';
import { attachMount, cloneMount, mountFileSystem, setMountAttributes, setPropagation } from '#sys/mounts.ts';
import { AT_FDCWD, O_DIRECTORY } from '#sys/raw/file.ts';

/** Mounts what the record of a volume says, as mount(8) would. Its options may hold a password, which no failure tells. */
export function mountVolume({ record, target, address }: FilesRequests['mount-volume']): object {
  const { options } = JSON.parse(readText(record)) as { options: { type?: string; o?: string; device?: string } };
  const { type = '', o = '', device = '' } = options;
  const words = (address === undefined ? o : o.replace(/(^|,)addr=[^,]+/, `$1addr=${address}`))
    .split(',')
    .filter(Boolean);
  const plan = planMount({ destination: target, type, source: device, options: words });
  try {
    checkPlan(plan);
    using place = openPath(target, AT_FDCWD, O_DIRECTORY);
    if (plan.bind) bind(plan, device, place, target);
    else mountFileSystem(place, { type, source: device, options: plan.data, attributes: plan.set }, target);
    for (const flags of plan.propagation) setPropagation(target, flags, { recursive: false });
  } catch (error) {
    throw new ProaError(withoutPassword(describe(error)), { kind: kindOf(error) });
  }
  return {};
}

/** What runtimes know besides is of no use here. */
function checkPlan({ copyUp, copySymlink, idMapped, subdirectory, bind, data }: MountPlan): void {
  const strange = copyUp || copySymlink || (idMapped ?? subdirectory) !== undefined || (bind && data.length > 0);
  if (strange) throw new ProaError(`DriverOpts.o: not for ${bind ? 'a bind mount' : 'a volume'}`, { kind: 'invalid' });
}

function bind(plan: MountPlan, device: string, place: OwnedFd, target: string): void {
  const { recursive, set, clear, recursiveSet, recursiveClear } = plan;
  using tree = cloneMount(device, { recursive });
  setMountAttributes(tree.number, { set: recursiveSet, clear: recursiveClear }, { recursive: true, object: device });
  setMountAttributes(tree.number, { set, clear }, { object: device });
  attachMount(tree, place, target);
}

function withoutPassword(text: string): string {
  return text.replace(/(pass(?:word)?2?=)[^\s",]*/g, '$1…');
}
