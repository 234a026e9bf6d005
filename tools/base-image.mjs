// Builds dist/base-image.tar, the image proa/base as an OCI image layout in a tar archive: Debian's busybox with its
// applets, what a program expects to find of users and directories, and the licences. The same busybox gives the same
// bytes.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

const root = resolve(import.meta.dirname, '..');
const name = 'docker.io/proa/base:latest';
const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A tar archive of entries: headers as tar-stream takes them, with their content. */
async function tar(entries, mtime) {
  const archive = pack();
  const bytes = buffer(archive);
  for (const { content, ...header } of entries) archive.entry({ mtime, uid: 0, gid: 0, ...header }, content);
  archive.finalize();
  return bytes;
}

function busyboxPath() {
  const path = ['/bin/busybox', '/usr/bin/busybox'].find((candidate) => existsSync(candidate));
  if (path === undefined) throw new Error('busybox is needed for the image proa/base: install busybox-static');
  return path;
}

function notice(busybox) {
  const version = execFileSync(busybox, { encoding: 'utf8' }).split('\n')[0];
  return `This image holds ${version}
as Debian's package busybox-static has it, unchanged, under version 2 of the GNU General Public License.
Its source is Debian's source package of the same version: apt-get source busybox
Everything else in this image may be used by anyone for anything.
`;
}

function files(busybox) {
  const directory = (path, mode = 0o755) => ({ name: path, type: 'directory', mode });
  const file = (path, content, mode = 0o644) => ({ name: path, content, mode });
  const link = (path, linkname) => ({ name: path, type: 'symlink', linkname });
  const applets = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).split('\n');
  const licences = ['/usr/share/doc/busybox-static/copyright', '/usr/share/common-licenses/GPL-2'];
  return [
    ...['bin', 'dev', 'etc', 'home', 'proc', 'sys', 'usr', 'usr/share', 'usr/share/doc', 'var'].map((path) =>
      directory(path),
    ),
    directory('root', 0o700),
    directory('tmp', 0o1777),
    directory('var/tmp', 0o1777),
    directory('usr/share/doc/proa-base'),
    file('bin/busybox', readFileSync(busybox), 0o755),
    ...applets.filter((applet) => applet && applet !== 'busybox').map((applet) => link(`bin/${applet}`, 'busybox')),
    link('sbin', 'bin'),
    link('usr/bin', '../bin'),
    link('usr/sbin', '../bin'),
    file('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n'),
    file('etc/group', 'root:x:0:\ntty:x:5:\nnogroup:x:65534:\n'),
    file('etc/os-release', 'ID=proa-base\nNAME="proa/base"\nPRETTY_NAME="proa/base"\n'),
    file('usr/share/doc/proa-base/notice', notice(busybox)),
    // Minimal systems leave out documentation, also this.
    ...licences
      .filter((path) => existsSync(path))
      .map((path) => file(`usr/share/doc/proa-base/${path.split('/').at(-1)}`, readFileSync(path))),
  ];
}

/** Writes the archive to `output`. Layer times are those of busybox itself. */
export async function buildBaseImage(output) {
  const busybox = busyboxPath();
  const time = new Date(Math.floor(statSync(busybox).mtimeMs / 1000) * 1000);
  const created = time.toISOString();
  const layer = await tar(files(busybox), time);
  const blobs = [];
  const blob = (mediaType, content) => {
    const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    blobs.push({ name: `blobs/sha256/${digest.slice(7)}`, content, mode: 0o644 });
    return { mediaType: `application/vnd.oci.image.${mediaType}`, digest, size: content.length };
  };
  const json = (value) => Buffer.from(JSON.stringify(value));
  const layers = [blob('layer.v1.tar+gzip', gzipSync(layer, { level: 9 }))];
  const config = {
    created,
    architecture: { x64: 'amd64' }[process.arch] ?? process.arch,
    os: 'linux',
    config: { Env: [`PATH=${searchPath}`], Cmd: ['sh'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${createHash('sha256').update(layer).digest('hex')}`] },
    history: [{ created, created_by: 'proa', comment: 'busybox and its applets' }],
  };
  const configuration = blob('config.v1+json', json(config));
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = blob('manifest.v1+json', json({ schemaVersion: 2, mediaType, config: configuration, layers }));
  const annotations = { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': 'latest' };
  const index = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [{ ...manifest, annotations }],
  };
  const documents = [
    { name: 'oci-layout', content: json({ imageLayoutVersion: '1.0.0' }) },
    { name: 'index.json', content: json(index) },
  ];
  writeFileSync(output, await tar([...documents, ...blobs], time));
}

if (process.argv[1] === import.meta.filename) await buildBaseImage(join(root, 'dist/base-image.tar'));
