import type { Personality } from '#common/runtime-spec/types.ts';
import { check } from '#sys/errors.ts';
import { personality } from '#sys/raw/process.ts';

const domains = { LINUX: 0, LINUX32: 8 };

/** What uname(2) says of the machine. personality(2). */
export function setPersonality({ domain }: Personality): void {
  check(personality(domains[domain]), 'personality', domain);
}
