import { ProaError } from '#common/errors.ts';
import type { Platform } from '#common/image-spec/types.ts';

/** `os/architecture[/variant]`, or an architecture alone. Throws `invalid`. */
export function platformOf(text: string): Platform {
  const [first = '', second, variant, ...more] = text.split('/');
  const parts = second === undefined ? { os: 'linux', architecture: first } : { os: first, architecture: second };
  if (more.length > 0 || Object.values(parts).some((part) => !/^[\w.-]+$/.test(part)))
    throw new ProaError(`platform: expected OS/ARCHITECTURE, got "${text}"`, { kind: 'invalid' });
  return variant === undefined ? parts : { ...parts, variant };
}
