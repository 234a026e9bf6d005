/** Signal names without SIG by number; the same on x86-64 and aarch64. signal(7). */
const names = () =>
  'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS'.split(
    ' ',
  );

const RTMIN = 34;
export const RTMAX = 64;

/** The number meant by `9`, `KILL`, `SIGKILL`, `RTMIN+3` in any case; undefined for anything else. */
export function signalNumber(text: string): number | undefined {
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    return number >= 0 && number <= RTMAX ? number : undefined;
  }
  const name = text.toUpperCase().replace(/^SIG/, '');
  const index = names().indexOf(name === 'POLL' ? 'IO' : name);
  if (index >= 0) return index + 1;
  const match = /^(RTMIN|RTMAX)(?:([+-])(\d+))?$/.exec(name);
  if (!match) return undefined;
  const offset = Number(match[3] ?? 0) * (match[2] === '-' ? -1 : 1);
  const number = (match[1] === 'RTMIN' ? RTMIN : RTMAX) + offset;
  return number >= RTMIN && number <= RTMAX ? number : undefined;
}

export function signalName(number: number): string {
  const name = names()[number - 1];
  return name ? `SIG${name}` : `SIGRTMIN+${number - RTMIN}`;
}
