import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const runtime = 'src/native/runtime';
const cli = 'src/native/cli';
const present = ['run.ts', 'exec.ts', 'ps.ts'];

/** Commands of the client but those that its catalog (src/native/cli/catalog.ts) holds: `cli-NAME`. */
const commands = Object.fromEntries(
  readdirSync(join(import.meta.dirname, '..', cli, 'commands'))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !present.includes(file))
    .map((file) => [`cli-${file.slice(0, -'.ts'.length)}`, `${cli}/commands/${file}`]),
);

const clientParts = {
  ...commands,
  'cli-help': `${cli}/help.ts`,
  'cli-start-engine': `${cli}/start-engine.ts`,
  'cli-pull-image': `${cli}/images/pull.ts`,
  'cli-templates': `${cli}/format/templates.ts`,
};

// Parts of a program that are loaded when they are first met (src/common/lazy.ts): name to source.
export const lazyParts = {
  ...clientParts,
  'json-exact': 'src/common/json/exact.ts',
  'config-rare': 'src/common/runtime-spec/rare.ts',
  explain: 'src/native/explain/part.ts',
  'errno-names': 'src/native/sys/errno-names.ts',
  'copy-symlink': `${runtime}/rootfs/copy-symlink.ts`,
  'copy-up': `${runtime}/rootfs/copy-up.ts`,
  'host-sysfs': `${runtime}/rootfs/host-sysfs.ts`,
  'found-sources': `${runtime}/rootfs/found-sources.ts`,
  'outside-devices': `${runtime}/rootfs/outside-devices.ts`,
  'id-mapping': `${runtime}/rootfs/id-mapping.ts`,
  'process-attributes': `${runtime}/process/attributes.ts`,
  'standard-streams': `${runtime}/process/standard-streams.ts`,
  'mapped-identity': `${runtime}/process/mapped-identity.ts`,
  personality: `${runtime}/process/personality.ts`,
  terminal: `${runtime}/process/terminal.ts`,
  console: `${runtime}/process/console.ts`,
  'terminal-relay': `${runtime}/terminal-relay.ts`,
  joining: `${runtime}/namespaces/joining.ts`,
  'user-namespace': `${runtime}/namespaces/user.ts`,
  hooks: `${runtime}/hooks.ts`,
  seccomp: `${runtime}/seccomp/index.ts`,
  'cgroups-v2': `${runtime}/cgroups/v2/resources.ts`,
  'cgroups-device-rules': `${runtime}/cgroups/device-rules.ts`,
  'cgroups-v1-limits': `${runtime}/cgroups/v1/limits.ts`,
  'cgroups-v2-limits': `${runtime}/cgroups/v2/limits.ts`,
  'cgroups-v1-stats': `${runtime}/cgroups/v1/stats.ts`,
  'cgroups-v2-stats': `${runtime}/cgroups/v2/stats.ts`,
  'cgroups-v1-oom': `${runtime}/cgroups/v1/oom-watch.ts`,
  'cgroups-v2-oom': `${runtime}/cgroups/v2/oom-watch.ts`,
  oom: `${runtime}/cgroups/oom.ts`,
  'command-ps': `${runtime}/commands/ps.ts`,
  'command-pause': `${runtime}/commands/pause.ts`,
  'command-resume': `${runtime}/commands/resume.ts`,
  'command-list': `${runtime}/commands/list.ts`,
  'command-update': `${runtime}/commands/update.ts`,
  'command-events': `${runtime}/commands/events.ts`,
  'command-spec': `${runtime}/commands/spec.ts`,
  'command-features': `${runtime}/commands/features.ts`,
  log: `${runtime}/log.ts`,
  help: `${runtime}/help.ts`,
  notify: `${runtime}/notify.ts`,
  'dry-run': `${runtime}/dry-run.ts`,
};

const runtimeParts = Object.keys(lazyParts).filter((name) => !Object.hasOwn(clientParts, name));

// What the static binary holds. A program is found by the name it is called by, or one of its aliases; the first also
// answers to any other name. `detached` programs, or those of their commands that are listed, run from a copy of the
// binary that containers cannot write to. Each has its own copy of the lazy parts that it may meet, since a part shares
// modules with its program.
export const programs = [
  { name: 'proa', entry: 'cli', detached: false, parts: ['errno-names', 'json-exact', ...Object.keys(clientParts)] },
  { name: 'proa-runtime', entry: 'runtime', detached: ['run', 'create', 'exec'], parts: runtimeParts },
  { name: 'proa-agent', entry: 'agent', detached: true, parts: runtimeParts },
  // As what dockerd and podman mount their `--init` program.
  {
    name: 'proa-init',
    aliases: ['docker-init', 'podman-init'],
    entry: 'init',
    detached: false,
    parts: ['errno-names'],
  },
  { name: 'proa-unpack', entry: 'unpack', detached: false, parts: ['errno-names'] },
  { name: 'proa-pack', entry: 'pack', detached: false, parts: ['errno-names'] },
  { name: 'proa-files', entry: 'files', detached: false, parts: ['errno-names', 'json-exact'] },
];
