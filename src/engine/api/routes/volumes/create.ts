import * as check from '#common/check/check.ts';
import { checked } from '#common/check/checked.ts';
import { checkHonoured } from '#common/docker-api/limited-values.ts';
import { created, operation } from '../../operation.ts';
import { volumeView } from './view.ts';

const request = check.object(
  {
    __proto__: null,
    Name: check.text,
    Driver: check.text,
    DriverOpts: check.map(check.content),
    Labels: check.map(check.content),
    ClusterVolumeSpec: check.object({ __proto__: null }, []),
  },
  [],
);

interface VolumeCreateRequest {
  Name?: string;
  Driver?: string;
  DriverOpts?: Record<string, string>;
  Labels?: Record<string, string>;
  ClusterVolumeSpec?: object;
}

export const createVolume = operation({
  method: 'POST',
  path: '/volumes/create',
  query: {},
  async answer({ engine, body }) {
    const asked = checked<VolumeCreateRequest>(request, 'request', (await body()) ?? {});
    const { Name: name, Driver = 'local', DriverOpts: options, Labels: labels, ClusterVolumeSpec: cluster } = asked;
    checkHonoured('Volume.Driver', Driver || 'local');
    if (Object.keys(cluster ?? {}).length > 0) checkHonoured('Volume.ClusterVolumeSpec', JSON.stringify(cluster));
    const isNew = name === undefined || !engine.volumes.has(name);
    const volume = await engine.volumes.create({ name, labels, options });
    if (isNew) engine.events.emit('volume', 'create', volume.name, { driver: 'local' });
    return created(volumeView(engine, volume));
  },
});
