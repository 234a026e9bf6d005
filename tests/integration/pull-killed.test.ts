// A pull that is killed or given up at any moment leaves what the next one, or one beside it, goes on with, and nothing else.
// $PROA_KILLS: how often.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkStore, type Finding } from '#engine/images/content/check.ts';
import { ContentStore } from '#engine/images/content/store.ts';
import { LayerStore } from '#engine/images/layers/store.ts';
import { type Image, ImageLibrary } from '#engine/images/library/images.ts';
import { parseReference } from '#engine/images/reference/parse.ts';
import { RegistryClient } from '#engine/images/registry/client.ts';
import { CredentialFile } from '#engine/images/registry/credentials.ts';
import { RegistryRules } from '#engine/images/registry/hosts.ts';
import { pullImage } from '#engine/images/transfer/pull.ts';
import { RegistryServer } from '#engine/registry-server/server.ts';
import { Images, layerOf, program, tarOf } from './support/images.ts';

const kills = Number(process.env['PROA_KILLS'] ?? 15);
const PIECE_BYTES = 32 << 10;
const PAUSE_MILLISECONDS = 4;
const TWICE_LIMIT = 0.05;

/**
 * A registry at the pace of a network: what is on its way when a process dies is what a network holds, not what the
 * buffers of a loopback do. Counts the bytes of blobs that it sends.
 */
async function slowRegistry(store: ContentStore) {
  const registry = new RegistryServer({ store });
  const [host, port] = (await registry.listen(0)).split(':');
  let sent = 0;
  const pass = async (answer: IncomingMessage, response: ServerResponse, counted: boolean) => {
    response.writeHead(answer.statusCode ?? 500, answer.headers);
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
        if (response.destroyed) return;
        const piece = chunk.subarray(at, at + PIECE_BYTES);
        if (counted) sent += piece.length;
        await new Promise((done) => response.write(piece, done));
        await sleep(PAUSE_MILLISECONDS);
      }
    }
    response.end();
  };
  const server = createServer(({ url = '', method, headers }, response) => {
    const onward = httpRequest({ host, port, method, path: url, headers }, (answer) => {
      pass(answer, response, url.includes('/blobs/')).catch(() => response.destroy());
    });
    response.on('close', () => onward.destroy());
    onward.on('error', () => response.destroy());
    onward.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent: () => sent,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await registry[Symbol.asyncDispose]();
    },
  };
}

function pull(directory: string, name: string): ChildProcess {
  const script = join(import.meta.dirname, 'programs/pull.mjs');
  return spawn(process.execPath, [script, directory, name, program], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** What is wrong in a store; parts that a pull can go on with are not. */
async function rubbish(directory: string): Promise<Finding[]> {
  using store = await ContentStore.open(join(directory, 'images'));
  const findings = await checkStore(store);
  return findings.filter(({ what }) => what !== 'partial' && what !== 'unreferenced');
}

/** The only image there, under the name that registries give it. */
async function imageOf(served: Images, layers: Parameters<Images['put']>[1]): Promise<Image> {
  await served.put('app', layers);
  const [image] = await served.library.list();
  assert.ok(image);
  await served.content.names.set('team/app:1', image.target);
  return image;
}

test(`a pull is killed ${kills} times: nothing is broken, and the next one fetches only what is missing`, async (t) => {
  await using served = await Images.open();
  const layers = [2_400_000, 3_600_000, 300_000, 4_000_000].map((size, at) => {
    const script = `mkdir d${at}; for f in 1 2 3 4 5 6 7 8; do head -c ${size / 8} /dev/urandom > d${at}/$f; done`;
    return layerOf(tarOf(script), at === 1 ? 'zstd' : 'gzip');
  });
  const image = await imageOf(served, layers);
  await using registry = await slowRegistry(served.content);
  const name = `${registry.host}/team/app:1`;
  const work = mkdtempSync(join(tmpdir(), 'proa-killed-'));
  try {
    // How long all of it takes, so that moments are spread over the whole.
    const begun = performance.now();
    const [status] = await once(pull(join(work, 'first'), name), 'exit');
    assert.equal(status, 0);
    const whole = performance.now() - begun;
    let twice = 0;
    let interrupted = 0;
    let begunTransfers = 0;
    for (let at = 0; at < kills; at++) {
      const directory = join(work, `killed-${at}`);
      const before = registry.sent();
      const child = pull(directory, name);
      const exited = once(child, 'exit');
      // Evenly spread, each at a random place of its part.
      const moment = (whole * (at + Math.random())) / kills;
      await sleep(moment);
      child.kill('SIGKILL');
      const [, signal] = await exited;
      if (signal === 'SIGKILL') interrupted++;
      const had = registry.sent() - before;
      if (had > 0 && had < image.size) begunTransfers++;
      assert.deepEqual(await rubbish(directory), [], `killed after ${moment} ms`);
      await checkMended(directory);
      const [again] = await once(pull(directory, name), 'exit');
      assert.equal(again, 0, `the pull after one that was killed after ${moment} ms`);
      twice += registry.sent() - before - image.size;
      await checkComplete(directory, name);
      rmSync(directory, { recursive: true });
    }
    const share = twice / (kills * image.size);
    t.diagnostic(
      `${interrupted} were cut short, ${begunTransfers} of them while bytes came; ${(share * 100).toFixed(2)} % was fetched twice`,
    );
    assert.ok(begunTransfers > kills / 5);
    assert.ok(share < TWICE_LIMIT, `${share} was fetched twice`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
});

test('pulls of one image at once unpack it whole, also when the first is given up', async () => {
  await using served = await Images.open();
  const layers = [1_200_000, 1_800_000].map((size, at) =>
    layerOf(tarOf(`mkdir d${at}; head -c ${size} /dev/urandom > d${at}/f`), at === 1 ? 'zstd' : 'gzip'),
  );
  const image = await imageOf(served, layers);
  await using registry = await slowRegistry(served.content);
  const name = `${registry.host}/team/app:1`;
  const work = mkdtempSync(join(tmpdir(), 'proa-at-once-'));
  try {
    for (const isGivenUp of [false, true]) {
      const directory = join(work, String(isGivenUp));
      const before = registry.sent();
      {
        using store = await ContentStore.open(join(directory, 'images'));
        await using unpacked = await LayerStore.open(join(directory, 'layers'), { program });
        const pulling = async (signal?: AbortSignal) => {
          using client = new RegistryClient({ credentials: new CredentialFile({}), ...(signal && { signal }) });
          await pullImage(parseReference(name), {
            client,
            store,
            rules: RegistryRules.none,
            layers: unpacked,
            signal,
          });
        };
        const giving = new AbortController();
        const first = pulling(giving.signal);
        const given = isGivenUp ? assert.rejects(first, /abort/i) : first;
        while (registry.sent() - before < 500_000) await sleep(1);
        const others = [pulling(), pulling()];
        await sleep(20);
        if (isGivenUp) giving.abort();
        await given;
        await Promise.all(others);
      }
      const sent = registry.sent() - before;
      assert.ok(sent < image.size * 1.2, `${sent} bytes were sent of ${image.size}`);
      await checkComplete(directory, name);
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
});

/** On a copy: a repaired store has nothing to repair any more, and no half of anything. */
async function checkMended(directory: string): Promise<void> {
  const copy = `${directory}-copy`;
  cpSync(directory, copy, { recursive: true });
  using store = await ContentStore.open(join(copy, 'images'));
  await checkStore(store, { repair: true });
  assert.deepEqual(await checkStore(store), []);
  assert.deepEqual(readdirSync(join(copy, 'images/ingest')), []);
  await using layers = await LayerStore.open(join(copy, 'layers'), { program });
  assert.deepEqual(readdirSync(join(copy, 'layers')).length, (await layers.list()).length);
  rmSync(copy, { recursive: true });
}

async function checkComplete(directory: string, name: string): Promise<void> {
  using store = await ContentStore.open(join(directory, 'images'));
  assert.deepEqual(await checkStore(store), []);
  const { config } = await new ImageLibrary(store).find(name);
  await using layers = await LayerStore.open(join(directory, 'layers'), { program });
  assert.deepEqual((await layers.list()).sort(), config.rootfs.diff_ids.sort());
  assert.deepEqual(readdirSync(join(directory, 'layers')).length, config.rootfs.diff_ids.length);
}
