import { segment } from '../engine.ts';

/** The path of a container in the API; a name may have a slash before it. */
export function containerPath(name: string, action = ''): string {
  return `/containers/${segment(name.replace(/^\//, ''))}${action === '' ? '' : `/${action}`}`;
}
