import type { ContainerRecord } from '../record.ts';

/** What events tell of a container. */
export function containerAttributes({ config, image, name }: ContainerRecord): Record<string, string> {
  return { ...config.Labels, image: image.reference, name };
}
