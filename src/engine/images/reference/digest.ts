import { ProaError } from '#common/errors.ts';

/** A content address such as `sha256:9f86…`. image-spec, descriptor.md, "Digests". */
export type Digest = `${string}:${string}`;

const grammar = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
/** Digits of the algorithms that we can compute; of others, digests can be kept and compared but not verified. */
const lengths: Record<string, number> = { sha256: 64, sha384: 96, sha512: 128 };

export function isDigest(text: string): text is Digest {
  if (!grammar.test(text)) return false;
  const { algorithm, hex } = partsOf(text as Digest);
  const length = lengths[algorithm];
  return length === undefined || (hex.length === length && hex === hex.toLowerCase());
}

/** Throws `invalid`, quoting the text, for what is no digest. */
export function checkDigest(text: string, what: string): Digest {
  if (isDigest(text)) return text;
  throw new ProaError(`${what}: expected a digest such as sha256:…, got "${text}"`, { kind: 'invalid' });
}

export function partsOf(digest: Digest): { algorithm: string; hex: string } {
  const colon = digest.indexOf(':');
  return { algorithm: digest.slice(0, colon), hex: digest.slice(colon + 1) };
}

/** Throws `unsupported`, naming the algorithm, for what content could not be verified by. */
export function checkVerifiable(digest: Digest, what: string): Digest {
  if (isVerifiable(digest)) return digest;
  const known = Object.keys(lengths).join(', ');
  throw new ProaError(`${what}: the algorithm "${partsOf(digest).algorithm}" is not known here`, {
    kind: 'unsupported',
    remedy: `Content is verified by ${known}`,
  });
}

/** Whether content can be verified by it here. */
export function isVerifiable(digest: Digest): boolean {
  return lengths[partsOf(digest).algorithm] !== undefined;
}
