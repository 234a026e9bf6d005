/** Names of OCI and, beside each, of Docker for the same thing. image-spec, media-types.md, "Compatibility Matrix". */
export const mediaTypes = {
  index: ['application/vnd.oci.image.index.v1+json', 'application/vnd.docker.distribution.manifest.list.v2+json'],
  manifest: ['application/vnd.oci.image.manifest.v1+json', 'application/vnd.docker.distribution.manifest.v2+json'],
  config: ['application/vnd.oci.image.config.v1+json', 'application/vnd.docker.container.image.v1+json'],
} as const;

/** What a registry is asked for when a reference is resolved, the preferred ones first. */
export const acceptedManifests: readonly string[] = [...mediaTypes.index, ...mediaTypes.manifest];

export function isIndex(mediaType: string): boolean {
  return (mediaTypes.index as readonly string[]).includes(mediaType);
}

export function isManifest(mediaType: string): boolean {
  return (mediaTypes.manifest as readonly string[]).includes(mediaType);
}

export type Compression = 'none' | 'gzip' | 'zstd';

/** How a layer is compressed; undefined for what is no layer of files. */
export function layerCompression(mediaType: string): Compression | undefined {
  const match =
    /^application\/vnd\.(?:oci\.image\.layer\.(?:nondistributable\.)?v1\.tar|docker\.image\.rootfs\.(?:foreign\.)?diff\.tar)(?:[.+](gzip|zstd))?$/.exec(
      mediaType,
    );
  if (!match) return undefined;
  return (match[1] as Compression | undefined) ?? 'none';
}
