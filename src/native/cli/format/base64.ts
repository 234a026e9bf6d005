import { ProaError } from '#common/errors.ts';

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const alphabets = { plain: `${letters}+/`, url: `${letters}-_` };

/** Base64 with padding: RFC 4648, sections 4 and 5. */
export function encodeBase64(bytes: Uint8Array, kind: keyof typeof alphabets = 'plain'): string {
  const alphabet = alphabets[kind];
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const bits = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    const left = bytes.length - at;
    text += alphabet[bits >> 18];
    text += alphabet[(bits >> 12) & 63];
    text += left > 1 ? alphabet[(bits >> 6) & 63] : '=';
    text += left > 2 ? alphabet[bits & 63] : '=';
  }
  return text;
}

/** Reads both alphabets, with padding or without. Throws `invalid`. */
export function decodeBase64(text: string): Uint8Array {
  const bare = text.replace(/=+$/, '').replace(/\s/g, '').replaceAll('-', '+').replaceAll('_', '/');
  if (!/^[A-Za-z0-9+/]*$/.test(bare) || bare.length % 4 === 1) throw new ProaError('not base64', { kind: 'invalid' });
  const bytes = new Uint8Array(Math.floor((bare.length * 3) / 4));
  let bits = 0;
  let have = 0;
  let at = 0;
  for (const letter of bare) {
    bits = ((bits << 6) | alphabets.plain.indexOf(letter)) & 0xffffff;
    have += 6;
    if (have < 8) continue;
    have -= 8;
    bytes[at++] = (bits >> have) & 0xff;
  }
  return bytes;
}
