import { randomInt } from 'node:crypto';

const waters = 'calm deep swift blue wide warm clear bright still salty silver golden windy misty early distant'.split(
  ' ',
);
const things =
  'atoll breeze canoe current dolphin harbour heron island lagoon lantern mast paddle pearl reef sail shell shore star swell tern tide turtle voyage wave'.split(
    ' ',
  );

/** A name for a container that nobody named, such as `calm_lagoon_41`. */
export function randomName(): string {
  const pick = (words: readonly string[]) => words[randomInt(words.length)];
  return `${pick(waters)}_${pick(things)}_${randomInt(1, 1000)}`;
}
