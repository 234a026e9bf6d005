import { ProaError } from '../errors.ts';

export function templateError(message: string): ProaError {
  return new ProaError(`template: ${message}`, { kind: 'invalid' });
}
