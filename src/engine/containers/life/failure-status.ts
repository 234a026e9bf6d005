/** Of a shell: 127 where there is no such program, 126 where it cannot be run; 128 for anything else. */
export function statusOfFailure(message: string): number {
  if (/executable file not found|no such file or directory/i.test(message)) return 127;
  return /permission denied|is a directory/i.test(message) ? 126 : 128;
}
