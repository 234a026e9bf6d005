// The image that pulls are measured with: four layers of some 10,900 entries and 200 MB, the same bytes each time. Sizes,
// names and kinds of content are spread as in an image of a distribution with a program and its libraries.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { Content, Random } from './content.mjs';

const layers = [
  { entries: 3400, megabytes: 78, large: 4, top: ['usr/bin', 'usr/lib/x86_64', 'usr/share', 'etc', 'var/lib'] },
  { entries: 4900, megabytes: 84, large: 5, top: ['usr/lib/python', 'usr/include', 'usr/share/doc', 'opt/tool'] },
  { entries: 2400, megabytes: 33, large: 1, top: ['srv/app/modules', 'srv/app/dist', 'srv/app/assets'] },
  { entries: 200, megabytes: 3, large: 0, top: ['srv/app/config', 'etc/app'] },
];
/** A change of anything here or in content.mjs is another image. */
const VERSION = 1;

/** Files `1.tar` to `4.tar` in a directory of their own below `cache`, made unless they are there; and their digests. */
export async function benchmarkLayers(cache) {
  const directory = join(cache, `pull-image-${VERSION}`);
  const record = join(directory, 'layers.json');
  if (!existsSync(record)) {
    mkdirSync(directory, { recursive: true });
    const made = [];
    for (const [index, layer] of layers.entries()) made.push(await makeLayer(directory, index + 1, layer));
    writeFileSync(record, JSON.stringify(made));
  }
  return JSON.parse(readFileSync(record, 'utf8')).map((layer) => ({ ...layer, path: join(directory, layer.name) }));
}

async function makeLayer(directory, number, layer) {
  const name = `${number}.tar`;
  const archive = pack();
  let entries = 0;
  let bytes = 0;
  const hash = createHash('sha256');
  const hashing = new Transform({
    transform(chunk, _encoding, next) {
      hash.update(chunk);
      bytes += chunk.length;
      next(null, chunk);
    },
  });
  const written = pipeline(archive, hashing, createWriteStream(join(directory, name)));
  for (const { body, ...header } of entriesOf(number, layer)) {
    entries++;
    const entry = archive.entry(header, () => {});
    if (body && !entry.write(body)) await new Promise((drained) => entry.once('drain', drained));
    entry?.end();
  }
  archive.finalize();
  await written;
  return { name, entries, bytes, digest: `sha256:${hash.digest('hex')}` };
}

/** Directories before what is in them, files of one directory together. */
function* entriesOf(number, { entries, megabytes, large, top }) {
  const random = new Random(number);
  const content = new Content(random);
  const mtime = new Date(1_700_000_000_000 + number * 1e9);
  const own = { uid: 0, gid: 0, mtime };
  const directories = entries / 9;
  const share = (megabytes * 1e6) / (entries * 0.8);
  const files = [];
  let left = entries;
  const known = new Set();
  const directory = function* (path) {
    if (known.has(path) || path === '') return;
    known.add(path);
    yield* directory(path.slice(0, Math.max(0, path.lastIndexOf('/'))));
    left--;
    yield { name: `${path}/`, type: 'directory', mode: 0o755, ...own };
  };
  for (let made = 0; made < directories; made++) {
    const above = random.below(3) === 0 || known.size < 8 ? top[random.below(top.length)] : random.of(known);
    const path = made < top.length ? top[made] : `${above}/${content.name()}`;
    yield* directory(path);
    const count = made === directories - 1 ? left : Math.min(left, random.below(17));
    for (let at = 0; at < count; at++, left--) {
      const name = `${path}/${content.name()}${at}`;
      const kind = random.below(100);
      if (kind < 7) yield { name, type: 'symlink', linkname: `${content.name()}.so.${at}`, mode: 0o777, ...own };
      else if (kind < 9 && files.length > 0)
        yield { name, type: 'link', linkname: random.of(files), mode: 0o644, ...own };
      else {
        const size = files.length < large ? 9e6 + random.below(4e6) : random.size((share * (large ? 0.42 : 1)) | 0);
        const program = size > 60_000 || kind < 20;
        files.push(name);
        const mode = program ? (kind === 9 ? 0o4755 : 0o755) : 0o644;
        yield { name, size, body: content.bytes(size, program), mode, ...own };
      }
    }
  }
  while (left-- > 0) {
    const body = content.bytes(random.size(share * 0.42), false);
    yield { name: `${top[0]}/rest${left}`, size: body.length, body, mode: 0o644, ...own };
  }
}

/** What a compressor makes of a layer, kept beside it. */
export async function compressed(layer, suffix, compress) {
  const path = `${layer.path}.${suffix}`;
  if (!existsSync(path)) await compress(createReadStream(layer.path), path);
  return path;
}

/** One layer of 2 GB that hardly becomes smaller, in a file: its path, size and the digest of what it holds. */
export async function largeLayer(directory, compression) {
  const tar = pack();
  const hash = createHash('sha256');
  const path = join(directory, `large.${compression}`);
  const hashing = new Transform({
    transform(chunk, _encoding, next) {
      hash.update(chunk);
      next(null, chunk);
    },
  });
  const file = createWriteStream(path);
  const written =
    compression === 'gzip'
      ? // Random bytes become no smaller at any level.
        pipeline(tar, hashing, createGzip({ level: 0 }), file)
      : pipeline(tar, hashing, throughProgram('zstd', ['-1', '--stdout'], file));
  const piece = randomBytes(1 << 20);
  for (let part = 0; part < 4; part++) {
    const entry = tar.entry({ name: `file${part}`, size: 500 * piece.length }, () => {});
    for (let at = 0; at < 500; at++) {
      // No two pieces are the same, and none is to be foretold.
      for (let word = 0; word < piece.length; word += 4096) piece.writeUInt32LE((part * 500 + at) * 4096 + word, word);
      if (!entry.write(Buffer.from(piece))) await new Promise((drained) => entry.once('drain', drained));
    }
    entry.end();
  }
  tar.finalize();
  await written;
  return { path, bytes: statSync(path).size, digest: `sha256:${hash.digest('hex')}` };
}

/** What a program makes of a stream goes to a file; for the end of a pipeline. */
function throughProgram(program, words, file) {
  return async (source) => {
    const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] });
    await Promise.all([pipeline(source, child.stdin), pipeline(child.stdout, file)]);
  };
}
