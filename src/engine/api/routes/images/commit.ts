import * as check from '#common/check/check.ts';
import { checked } from '#common/check/checked.ts';
import { configFields } from '#common/docker-api/create-request.ts';
import type { ContainerDefaults } from '#common/image-spec/types.ts';
import { rootOf } from '../../../containers/life/bundle.ts';
import { configFromChanges } from '../../../images/changes.ts';
import { commitChanges } from '../../../images/layers/commit.ts';
import { nameToGive, parseReference } from '../../../images/reference/parse.ts';
import { created, operation } from '../../operation.ts';
import { flag, required, text, texts } from '../../query.ts';

/** Engine API, "ImageCommit". */
export const commitContainer = operation({
  method: 'POST',
  path: '/commit',
  query: {
    container: required,
    repo: text,
    tag: text,
    comment: text,
    author: text,
    pause: flag(true),
    changes: texts,
  },
  async answer({ engine, query, body }) {
    const container = engine.containers.find(query.container);
    const asked = checked<ContainerDefaults>(check.object(configFields, []), 'request', (await body()) ?? {});
    const { record } = container;
    const { User, Env, Entrypoint, Cmd, Volumes, WorkingDir, Labels, StopSignal, ExposedPorts } = record.config;
    const { Healthcheck, Shell } = record.config;
    const files = { User, Env, Volumes, WorkingDir, Labels, StopSignal, ExposedPorts };
    const own = { ...files, Entrypoint, Cmd, Healthcheck, Shell, ...asked };
    const config = configFromChanges(query.changes, JSON.parse(JSON.stringify(own)) as ContainerDefaults);
    const { repo, tag, comment, author } = query;
    const reference =
      repo === undefined ? undefined : nameToGive(parseReference(tag === undefined ? repo : `${repo}:${tag}`));
    const base = await engine.library.find(record.image.id);
    const pauses = query.pause && container.status === 'running';
    if (pauses) await container.ask('pause', {});
    try {
      const { digest } = await commitChanges(base, await rootOf(engine, container.record), {
        store: engine.content,
        program: engine.options.programs.pack,
        ...(reference && { reference }),
        config,
        ...(author !== undefined && { author }),
        ...(comment !== undefined && { comment }),
      });
      const { id } = await engine.library.find(digest);
      engine.keeper.tell(container, 'commit', { imageID: id });
      return created({ Id: id });
    } finally {
      if (pauses) await container.ask('resume', {}).catch(() => {});
    }
  },
});
