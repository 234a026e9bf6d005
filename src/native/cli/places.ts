import { environmentVariable } from '#sys/environment.ts';

/** Where the engine keeps what is gone at boot. */
export function runDirectory(): string {
  return environmentVariable('PROA_RUN') || '/run/proa';
}

/** Where it keeps what lasts. */
export function stateDirectory(): string {
  return environmentVariable('PROA_STATE') || '/var/lib/proa';
}

export function defaultHost(): string {
  return `unix://${runDirectory()}/proad.sock`;
}

/** Where the user's config.json is. */
export function configDirectory(): string {
  return environmentVariable('DOCKER_CONFIG') || `${environmentVariable('HOME') || '/root'}/.docker`;
}
