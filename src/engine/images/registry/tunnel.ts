import * as http from 'node:http';
import * as https from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ProaError } from '#common/errors.ts';
import { proxyHeaders } from './proxies.ts';

type Made = (error: Error | null, socket: Duplex) => void;

/** Connections over TLS by way of a proxy, which sees nothing of what goes over them: RFC 9110, 9.3.6. */
export class TunnelAgent extends https.Agent {
  readonly #proxy: URL;
  readonly #milliseconds: number;

  /** `milliseconds`: how long the proxy may say nothing. */
  constructor(proxy: URL, milliseconds: number, options: https.AgentOptions) {
    super(options);
    this.#proxy = proxy;
    this.#milliseconds = milliseconds;
  }

  override createConnection(options: https.RequestOptions, made?: Made): undefined {
    const withTls = (socket: Socket) =>
      super.createConnection({ ...options, socket } as https.RequestOptions) as Duplex;
    this.#open(`${options.host}:${options.port}`).then(
      (socket) => made?.(null, withTls(socket)),
      (error) => made?.(error as Error, undefined as never),
    );
    return undefined;
  }

  #open(target: string): Promise<Socket> {
    const proxy = this.#proxy;
    const milliseconds = this.#milliseconds;
    // Of an address of IPv6, the agent is told without brackets.
    const path = /:.*:/.test(target) ? target.replace(/^(.*)(:\d+)$/, '[$1]$2') : target;
    return new Promise((resolve, reject) => {
      const { request } = proxy.protocol === 'https:' ? https : http;
      const headers = { host: path, ...proxyHeaders(proxy) };
      const asked = request({ ...addressOf(proxy), method: 'CONNECT', path, headers, agent: false });
      asked.setTimeout(milliseconds, () =>
        asked.destroy(Object.assign(new Error(`proxy ${proxy.host} says nothing`), { code: 'ETIMEDOUT' })),
      );
      asked.on('error', reject);
      asked.on('connect', ({ statusCode, statusMessage }, socket, head) => {
        asked.setTimeout(0);
        if (statusCode === 200) {
          if (head.length > 0) socket.unshift(head);
          return resolve(socket);
        }
        socket.destroy();
        reject(refusal(proxy, path, `${statusCode} ${statusMessage}`));
      });
      asked.on('response', (response) => {
        response.destroy();
        reject(refusal(proxy, path, `${response.statusCode} ${response.statusMessage}`));
      });
      asked.end();
    });
  }
}

/** For a request to it. */
export function addressOf({ protocol, hostname, port }: URL): { host: string; port: number } {
  const otherwise = protocol === 'https:' ? 443 : 80;
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: port === '' ? otherwise : Number(port) };
}

function refusal(proxy: URL, target: string, answer: string): ProaError {
  return new ProaError(`proxy ${proxy.host} does not lead to ${target}: it answered ${answer}`, {
    kind: 'unavailable',
    remedy: 'See HTTPS_PROXY and NO_PROXY in the environment of the engine',
  });
}
