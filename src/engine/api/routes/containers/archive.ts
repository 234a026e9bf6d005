import { ProaError } from '#common/errors.ts';
import { archiveOf, fileFacts, putArchive } from '../../../containers/files/tool.ts';
import { readOnlyContainer, withFiles } from '../../../containers/files/with-files.ts';
import { decompressAny } from '../../../images/compression/detect.ts';
import { sendArchive } from '../../archive-reply.ts';
import { operation, type Reply } from '../../operation.ts';
import { flag, required } from '../../query.ts';
import { pathStat } from './path-stat.ts';

const query = { path: required };
const path = '/containers/{id}/archive';
const HEADER = 'X-Docker-Container-Path-Stat';

/** Engine API, "ContainerArchiveInfo". */
export const archiveInfo = operation({
  method: 'HEAD',
  path,
  query,
  async answer({ engine, params: { id = '' }, query }): Promise<Reply> {
    const { files } = engine.options.programs;
    const facts = await withFiles(engine, engine.containers.find(id), (root) =>
      fileFacts(files, root, absolute(query.path)),
    );
    return { status: 200, headers: { [HEADER]: pathStat(facts) } };
  },
});

/** Engine API, "ContainerArchive". */
export const archiveOut = operation({
  method: 'GET',
  path,
  query,
  async answer({ engine, params: { id = '' }, query, response }) {
    const { files } = engine.options.programs;
    await withFiles(engine, engine.containers.find(id), async (root) => {
      const facts = await fileFacts(files, root, absolute(query.path));
      const archive = archiveOf(files, root, absolute(query.path));
      await sendArchive(response, archive, { 'Content-Type': 'application/x-tar', [HEADER]: pathStat(facts) });
    });
    return undefined;
  },
});

/** Engine API, "PutContainerArchive". */
export const archiveIn = operation({
  method: 'PUT',
  path,
  query: { ...query, noOverwriteDirNonDir: flag(), copyUIDGID: flag() },
  async answer({ engine, params: { id = '' }, query: { noOverwriteDirNonDir, ...query }, request }) {
    const container = engine.containers.find(id);
    if (readOnlyContainer(container)) throw new ProaError('container rootfs is marked read-only', { kind: 'denied' });
    const { output, done } = await decompressAny(request);
    done.catch(() => {});
    // Owners are kept in either case, as dockerd does; who wants others writes them into the archive.
    const options = { path: absolute(query.path), noOverwriteDirNonDir, copyUIDGID: true, archive: output };
    await withFiles(engine, container, (root) => putArchive(engine.options.programs.files, root, options));
    return { status: 200 };
  },
});

function absolute(path: string): string {
  return path.startsWith('/') ? path : `/${path}`;
}
