import { segment } from '../engine.ts';

/** The path of an image in the API: the slashes of its name stay. */
export function imagePath(name: string, action = ''): string {
  return `/images/${name.split('/').map(segment).join('/')}${action === '' ? '' : `/${action}`}`;
}
