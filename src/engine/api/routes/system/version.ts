import { release } from 'node:os';
import { VERSION } from '../../../core/version.ts';
import { ok, operation } from '../../operation.ts';
import { NEWEST, OLDEST } from '../../version.ts';

export const goArchitecture = process.arch === 'x64' ? 'amd64' : process.arch;

/** Engine API, "SystemVersion". */
export const version = operation({
  method: 'GET',
  path: '/version',
  query: {},
  answer({ engine }) {
    const facts = {
      ApiVersion: NEWEST,
      MinAPIVersion: OLDEST,
      GitCommit: '',
      GoVersion: '',
      Os: 'linux',
      Arch: goArchitecture,
      KernelVersion: release(),
      BuildTime: '',
    };
    const details = {
      ...facts,
      Experimental: 'false',
      NodeVersion: process.version,
      StartedAt: engine.startedAt.toISOString(),
    };
    return ok({
      Platform: { Name: 'proa' },
      Components: [{ Name: 'Engine', Version: VERSION, Details: details }],
      Version: VERSION,
      ...facts,
    });
  },
});
