/** The registry that an image's name leads to: Docker's own where it names none. distribution/reference, "splitDockerDomain". */
export function registryOf(image: string): string {
  const slash = image.indexOf('/');
  const first = slash < 0 ? '' : image.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  return isHost && first !== 'index.docker.io' ? first : 'docker.io';
}

/** Name and tag or digest; `latest` where there is neither. */
export function splitTag(image: string): { name: string; tag: string } {
  const at = image.indexOf('@');
  if (at >= 0) return { name: image.slice(0, at), tag: image.slice(at + 1) };
  const colon = image.indexOf(':', image.lastIndexOf('/') + 1);
  return colon < 0 ? { name: image, tag: 'latest' } : { name: image.slice(0, colon), tag: image.slice(colon + 1) };
}

/** The whole name, registry and tag included, as it is shown after a pull: `docker.io/library/debian:latest`. */
export function familiarName(image: string): string {
  const registry = registryOf(image);
  const bare = image.replace(/^(docker\.io|index\.docker\.io)\//, '');
  const { name, tag } = splitTag(bare);
  const path = registry === 'docker.io' ? `docker.io/${name.includes('/') ? name : `library/${name}`}` : name;
  return `${path}${tag.includes(':') ? '@' : ':'}${tag}`;
}
