import { ProaError } from '#common/errors.ts';
import { operation } from '../../operation.ts';
import { integer } from '../../query.ts';

export const sizeQuery = { h: integer({ most: 0xffff }), w: integer({ most: 0xffff }) };

/** Throws `invalid` where one is missing. */
export function terminalSize({ h, w }: { h: number | undefined; w: number | undefined }): {
  rows: number;
  columns: number;
} {
  if (h && w) return { rows: h, columns: w };
  throw new ProaError('bad parameter: h and w: expected rows and columns', { kind: 'invalid' });
}

export const resizeContainer = operation({
  method: 'POST',
  path: '/containers/{id}/resize',
  query: sizeQuery,
  async answer({ engine, params: { id = '' }, query }) {
    const container = engine.containers.find(id);
    await container.ask('resize', terminalSize(query));
    return { status: 200 };
  },
});
