/** The value below which `share` of the numbers lie. */
export function quantile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)];
  return low + (sorted[Math.ceil(at)] - low) * (at % 1);
}

export const median = (numbers) => quantile(numbers, 0.5);

/** Median of the ratios of what was measured in the same round: noise that lasts longer than a round drops out. */
export function pairedRatio(ours, theirs) {
  return median(ours.map((value, round) => value / theirs[round]));
}

/** Median of the differences of what was measured in the same round. */
export function pairedDifference(ours, theirs) {
  return median(ours.map((value, round) => value - theirs[round]));
}
