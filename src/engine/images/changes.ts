import * as check from '#common/check/check.ts';
import { checked } from '#common/check/checked.ts';
import { healthFields } from '#common/docker-api/create-request.ts';
import type { HealthConfig } from '#common/docker-api/types.ts';
import { ProaError } from '#common/errors.ts';
import type { ContainerDefaults } from '#common/image-spec/types.ts';
import { nanosecondsFromDuration } from '#common/units/durations.ts';

type Instruction = (words: string, config: ContainerDefaults) => void;

/** A JSON list of words, or a line for a shell. */
function command(text: string): string[] {
  if (!text.startsWith('[')) return ['/bin/sh', '-c', text];
  const words = JSON.parse(text) as unknown;
  if (Array.isArray(words) && words.every((word) => typeof word === 'string')) return words;
  throw new TypeError('expected a list of strings');
}

/** `NAME=VALUE …` with quotes, or `NAME VALUE`. */
function pairs(text: string): [string, string][] {
  if (!/^\S+=/.test(text)) {
    const [, name = '', value = ''] = /^(\S+)\s+(.*)$/s.exec(text) ?? [];
    return [[name, value]];
  }
  return [...text.matchAll(/([^\s=]+)=("(?:[^"\\]|\\.)*"|\S*)/g)].map(([, name = '', value = '']) => [
    name,
    value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value,
  ]);
}

const healthOptions: Record<string, (value: string) => HealthConfig> = {
  interval: (value) => ({ Interval: nanosecondsFromDuration(value) }),
  timeout: (value) => ({ Timeout: nanosecondsFromDuration(value) }),
  'start-period': (value) => ({ StartPeriod: nanosecondsFromDuration(value) }),
  'start-interval': (value) => ({ StartInterval: nanosecondsFromDuration(value) }),
  retries: (value) => ({ Retries: Number(value) }),
};

/** `NONE`, or `[--OPTION=VALUE …] CMD COMMAND`. Dockerfile reference, "HEALTHCHECK". */
function health(text: string): HealthConfig {
  const [, flags = '', kind, rest = ''] = /^((?:--\S+\s+)*)(NONE|CMD)(?:\s+(.*))?$/s.exec(text) ?? [];
  const settings = flags.split(/\s+/).filter(Boolean).map(healthOption);
  if (kind === 'NONE' && settings.length === 0 && rest === '') return { Test: ['NONE'] };
  if (kind !== 'CMD' || rest === '') throw new TypeError('expected NONE, or options and CMD with a command');
  const test = rest.startsWith('[') ? ['CMD', ...command(rest)] : ['CMD-SHELL', rest];
  return checked<HealthConfig>(
    check.object(healthFields, []),
    'HEALTHCHECK',
    Object.assign({ Test: test }, ...settings),
  );
}

function healthOption(flag: string): HealthConfig {
  const [, name = '', value = ''] = /^--([^=]+)=(.*)$/.exec(flag) ?? [];
  const option = Object.hasOwn(healthOptions, name) ? healthOptions[name] : undefined;
  if (!option) throw new TypeError(`expected one of ${Object.keys(healthOptions).map((known) => `--${known}=`)}`);
  return option(value);
}

const instructions: Record<string, Instruction> = {
  CMD: (text, config) => {
    config.Cmd = command(text);
  },
  ENTRYPOINT: (text, config) => {
    config.Entrypoint = command(text);
  },
  ENV: (text, config) => {
    for (const [name, value] of pairs(text)) {
      const others = (config.Env ?? []).filter((entry) => !entry.startsWith(`${name}=`));
      config.Env = [...others, `${name}=${value}`];
    }
  },
  EXPOSE: (text, config) => {
    for (const port of text.split(/\s+/))
      config.ExposedPorts = { ...config.ExposedPorts, [port.includes('/') ? port : `${port}/tcp`]: {} };
  },
  HEALTHCHECK: (text, config) => {
    config.Healthcheck = health(text);
  },
  LABEL: (text, config) => {
    config.Labels = { ...config.Labels, ...Object.fromEntries(pairs(text)) };
  },
  STOPSIGNAL: (text, config) => {
    config.StopSignal = text;
  },
  USER: (text, config) => {
    config.User = text;
  },
  VOLUME: (text, config) => {
    const paths = text.startsWith('[') ? command(text) : text.split(/\s+/);
    for (const path of paths) config.Volumes = { ...config.Volumes, [path]: {} };
  },
  WORKDIR: (text, config) => {
    config.WorkingDir = text;
  },
};

/** Instructions of a Dockerfile that change an image's defaults. Throws `invalid`, quoting the one that is wrong. */
export function configFromChanges(changes: readonly string[], base: ContainerDefaults = {}): ContainerDefaults {
  const config = structuredClone(base);
  for (const line of changes.flatMap((text) => text.split('\n')).map((text) => text.trim())) {
    if (line === '') continue;
    const [, name = '', rest = ''] = /^(\w+)\s+(.*)$/s.exec(line) ?? [];
    const instruction = instructions[name.toUpperCase()];
    if (!instruction) throw new ProaError(`changes: "${line}" is not supported`, { kind: 'invalid' });
    try {
      instruction(rest, config);
    } catch (cause) {
      throw new ProaError(`changes: "${line}"`, { kind: 'invalid', cause });
    }
  }
  return config;
}
