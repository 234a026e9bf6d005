import { ProaError } from '#common/errors.ts';
import type { LayerLimits } from '../images/layers/unpack.ts';

/** PROA_LAYER_BYTES and PROA_LAYER_ENTRIES: what a layer of an image may have at most. Throws `invalid` for no number. */
export function layerLimits(environment: NodeJS.ProcessEnv): LayerLimits {
  return {
    bytes: numberIn(environment, 'PROA_LAYER_BYTES'),
    entries: numberIn(environment, 'PROA_LAYER_ENTRIES'),
  };
}

function numberIn(environment: NodeJS.ProcessEnv, name: string): number | undefined {
  const text = environment[name];
  if (text === undefined || text === '') return undefined;
  // As many digits as proa-unpack takes.
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new ProaError(`${name}: expected a number of at most 15 digits, got "${text}"`, { kind: 'invalid' });
}
