const LONGEST = 200;

/** Bytes for a message: UTF-8 as it is; controls, and each byte where it is not UTF-8, as `\x1b`. Long ones are cut. */
export function printable(bytes: Uint8Array): string {
  let escaped = '';
  const length = Math.min(bytes.length, LONGEST);
  for (let at = 0; at < length; at++) escaped += `%${hexadecimal(bytes[at] as number)}`;
  const rest = bytes.length > LONGEST ? '…' : '';
  try {
    return withoutControls(decodeURIComponent(escaped)) + rest;
  } catch {
    let text = '';
    for (let at = 0; at < length; at++) {
      const byte = bytes[at] as number;
      text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${hexadecimal(byte)}`;
    }
    return text + rest;
  }
}

function withoutControls(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, (control) => `\\x${hexadecimal(control.charCodeAt(0))}`);
}

function hexadecimal(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
