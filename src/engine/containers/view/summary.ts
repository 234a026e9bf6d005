import type { Container } from '../container.ts';
import { commandOf } from '../spec/process.ts';
import { endpointView, mountView } from './inspect.ts';
import { statusText } from './state.ts';

/** One line of a list. Engine API, "ContainerSummary". */
export function summaryView(container: Container) {
  const { record, status } = container;
  const { config, host, image } = record;
  const mode = host.NetworkMode ?? 'none';
  const health = container.state?.health;
  return {
    Id: record.id,
    Names: [`/${record.name}`],
    Image: image.reference,
    ImageID: image.id,
    ImageManifestDescriptor: image.manifest,
    Command: commandText(commandOf(config)),
    Created: Math.floor(Date.parse(record.created) / 1000),
    Ports: [],
    Labels: config.Labels ?? {},
    State: status,
    Status: statusText(container),
    HostConfig: { NetworkMode: mode, ...(host.Annotations && { Annotations: host.Annotations }) },
    NetworkSettings: { Networks: mode.startsWith('container:') ? {} : { [mode]: endpointView } },
    Mounts: record.mounts.map(mountView),
    ...(health && { Health: { Status: health.status, FailingStreak: health.failures } }),
  };
}

/** As a shell would be given it, near enough to read. */
function commandText(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`)).join(' ');
}
