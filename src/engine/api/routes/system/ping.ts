import { operation, type Reply } from '../../operation.ts';

const reply: Reply = {
  status: 200,
  headers: {
    'Content-Type': 'text/plain; charset=utf-8',
    'Builder-Version': '1',
    Swarm: 'inactive',
    'Cache-Control': 'no-cache, no-store, must-revalidate',
    Pragma: 'no-cache',
  },
};

export const ping = operation({
  method: 'GET',
  path: '/_ping',
  query: {},
  answer({ response }) {
    response.writeHead(200, { ...reply?.headers, 'Content-Length': 2 }).end('OK');
    return undefined;
  },
});

export const pingHead = operation({ method: 'HEAD', path: '/_ping', query: {}, answer: () => reply });
