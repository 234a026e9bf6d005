import { ProaError } from '#common/errors.ts';
import { parseJson } from '#common/json/parse.ts';
import { readText } from '#sys/files.ts';
import { windowSize } from '#sys/terminals.ts';
import { absolutePath } from '#sys/working-directory.ts';
import type { Input } from '../command.ts';
import { StatusError, UsageError } from '../failures.ts';
import { environmentOf, labelsOf } from './environment.ts';
import { fieldsOf } from './mounts.ts';
import { type ContainerOption, type ContainerOptions, containerOptions } from './options.ts';
import { portsOf } from './ports.ts';

type Fields = Record<string, unknown>;

/** Body of `POST /containers/create`: Docker Engine API. */
export interface CreateRequest extends Fields {
  Image: string;
  Tty?: boolean;
  OpenStdin?: boolean;
  HostConfig: Fields;
}

/** Which of the container's streams the caller gets. */
export interface Attachment {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
}

/** What `createRequest` gives; whatever is wrong with an option has status 125, also a file that it names. */
export function requestOrStatus(input: Input<ContainerOptions>): ReturnType<typeof createRequest> {
  try {
    return createRequest(input);
  } catch (error) {
    throw error instanceof UsageError ? error : new StatusError(125, error);
  }
}

/** The request for a container, and what of it is attached when it runs in the foreground. */
export function createRequest({ options, given, words }: Input<ContainerOptions>): {
  request: CreateRequest;
  attachment: Attachment;
} {
  const [image = '', ...command] = words;
  const request: CreateRequest = { Image: image, HostConfig: {} };
  if (command.length > 0) request['Cmd'] = command;
  for (const name of given) {
    const option = containerOptions[name as keyof typeof containerOptions] as ContainerOption | undefined;
    if (option?.field === undefined) continue;
    const value = options[name as keyof typeof options];
    setField(request, option.field, option.as ? option.as(value as never, name) : value);
  }
  addEnvironment(request, options);
  addVolumes(request, options.volume);
  addNetworks(request, options);
  addHealthcheck(request, options);
  if (options['security-opt'].length > 0) addSecurity(request.HostConfig, options['security-opt']);
  const attachment = attachmentOf(options);
  Object.assign(request, {
    AttachStdin: attachment.stdin,
    AttachStdout: attachment.stdout,
    AttachStderr: attachment.stderr,
  });
  if (options.interactive && attachment.stdin) request['StdinOnce'] = true;
  const size = options.tty ? windowSize(1) : undefined;
  if (size) request.HostConfig['ConsoleSize'] = [size.rows, size.columns];
  return { request, attachment };
}

/** Sets the field at a path such as `HostConfig.Memory`. */
export function setField(target: Fields, path: string, value: unknown): void {
  const names = path.split('.');
  const last = names.pop() as string;
  let at = target;
  for (const name of names) {
    at[name] ??= {};
    at = at[name] as Fields;
  }
  at[last] = value;
}

type Options = Input<ContainerOptions>['options'];

function attachmentOf(options: Options): Attachment {
  const { attach, interactive } = options;
  const wanted = new Set(attach.map((name) => name.toLowerCase()));
  for (const name of wanted)
    if (!['stdin', 'stdout', 'stderr'].includes(name))
      throw new UsageError(
        `invalid argument "${name}" for "-a, --attach" flag: valid streams are STDIN, STDOUT and STDERR`,
      );
  if (wanted.size === 0) return { stdin: interactive, stdout: true, stderr: true };
  return { stdin: wanted.has('stdin'), stdout: wanted.has('stdout'), stderr: wanted.has('stderr') };
}

function addEnvironment(request: CreateRequest, options: Options): void {
  const environment = environmentOf(options['env-file'], options.env);
  if (environment.length > 0) request['Env'] = environment;
  const labels = labelsOf(options['label-file'], options.label);
  if (Object.keys(labels).length > 0) request['Labels'] = labels;
}

/** A path alone is a volume without a name; what has a source is passed as it is. */
function addVolumes(request: CreateRequest, volumes: readonly string[]): void {
  const binds: string[] = [];
  const anonymous: Fields = {};
  for (const text of volumes) {
    const parts = text.split(':');
    if (parts.some((part) => part === '')) throw new UsageError(`invalid spec: ${text}: empty section between colons`);
    if (parts.length > 3) throw new UsageError(`invalid spec: ${text}: too many colons`);
    const [source = ''] = parts;
    if (parts.length === 1) anonymous[source] = {};
    else if (source.startsWith('.') || source.startsWith('~/'))
      binds.push([absolutePath(source), ...parts.slice(1)].join(':'));
    else binds.push(text);
  }
  if (binds.length > 0) request.HostConfig['Binds'] = binds;
  if (volumes.length > binds.length) request['Volumes'] = anonymous;
}

function addNetworks(request: CreateRequest, options: Options): void {
  const { exposed, bindings } = portsOf(options.publish, options.expose);
  if (Object.keys(exposed).length > 0) request['ExposedPorts'] = exposed;
  if (options.publish.length > 0) request.HostConfig['PortBindings'] = bindings;
  const endpoints = options.network.map(endpointOf);
  const [first] = endpoints;
  if (first) request.HostConfig['NetworkMode'] = first.name;
  const settings: Fields = { ...first?.settings };
  if (options['network-alias'].length > 0) settings['Aliases'] = options['network-alias'];
  if (options['mac-address'] !== undefined) settings['MacAddress'] = options['mac-address'];
  const { ip, ip6 } = options;
  if (ip !== undefined || ip6 !== undefined)
    settings['IPAMConfig'] = {
      ...(ip !== undefined && { IPv4Address: ip }),
      ...(ip6 !== undefined && { IPv6Address: ip6 }),
    };
  if (endpoints.length > 1 || Object.keys(settings).length > 0) {
    const configs = Object.fromEntries(endpoints.map(({ name, settings: own }) => [name, own]));
    configs[first?.name ?? 'default'] = settings;
    request['NetworkingConfig'] = { EndpointsConfig: configs };
  }
}

const endpointKeys: Record<string, (settings: Fields, value: string) => void> = {
  alias: (settings, value) => {
    settings['Aliases'] = [...((settings['Aliases'] as string[]) ?? []), value];
  },
  ip: (settings, value) => setField(settings, 'IPAMConfig.IPv4Address', value),
  ip6: (settings, value) => setField(settings, 'IPAMConfig.IPv6Address', value),
  'mac-address': (settings, value) => setField(settings, 'MacAddress', value),
  'driver-opt': (settings, value) => {
    const equals = value.indexOf('=');
    setField(settings, 'DriverOpts', {
      ...(settings['DriverOpts'] as Fields),
      [value.slice(0, equals)]: value.slice(equals + 1),
    });
  },
  'gw-priority': (settings, value) => setField(settings, 'GwPriority', Number(value)),
};

/** `NAME`, or `name=NAME,alias=…,ip=…`. */
function endpointOf(text: string): { name: string; settings: Fields } {
  if (!text.includes('=')) return { name: text, settings: {} };
  const endpoint = { name: '', settings: {} as Fields };
  for (const field of fieldsOf(text)) {
    const equals = field.indexOf('=');
    const key = field.slice(0, equals);
    if (key === 'name') endpoint.name = field.slice(equals + 1);
    else if (Object.hasOwn(endpointKeys, key)) endpointKeys[key]?.(endpoint.settings, field.slice(equals + 1));
    else throw new UsageError(`invalid argument ${JSON.stringify(text)} for "--network" flag: invalid field ${field}`);
  }
  if (endpoint.name === '')
    throw new UsageError(`invalid argument ${JSON.stringify(text)} for "--network" flag: no name`);
  return endpoint;
}

function addHealthcheck(request: CreateRequest, options: Options): void {
  const command = options['health-cmd'];
  if (options['no-healthcheck']) {
    if (command !== undefined || request['Healthcheck'])
      throw new ProaError('--no-healthcheck conflicts with --health-* options', { kind: 'invalid' });
    request['Healthcheck'] = { Test: ['NONE'] };
  } else if (command !== undefined) setField(request, 'Healthcheck.Test', ['CMD-SHELL', command]);
}

function addSecurity(host: Fields, list: readonly string[]): void {
  const passed: string[] = [];
  for (const item of list) {
    const [, name = item, value = ''] = /^([\w-]+)[=:](.*)$/.exec(item) ?? [];
    if (name === 'systempaths' && value === 'unconfined') Object.assign(host, { MaskedPaths: [], ReadonlyPaths: [] });
    else if (name === 'seccomp' && value !== 'unconfined' && value !== 'builtin')
      passed.push(`seccomp=${profileOf(value)}`);
    else passed.push(item);
  }
  host['SecurityOpt'] = passed;
}

/** The engine may be elsewhere: it is sent the profile itself. */
function profileOf(file: string): string {
  try {
    return JSON.stringify(parseJson(readText(file)));
  } catch (cause) {
    throw new ProaError(`opening seccomp profile (${file}) failed`, { kind: 'invalid', cause });
  }
}
