import type { Resources } from '#common/runtime-spec/types.ts';
import type { CgroupRecord } from '../record.ts';

export function enableControllers(_record: CgroupRecord, _resources: Resources | undefined): void {}

export function applyResources(_record: CgroupRecord, _resources: Resources): void {}
