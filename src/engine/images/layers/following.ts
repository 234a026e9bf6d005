import type { Descriptor } from '#common/image-spec/types.ts';
import type { ContentStore } from '../content/store.ts';
import type { BlobFollower } from '../content/writer.ts';
import type { Digest } from '../reference/digest.ts';
import type { OnEvent } from '../transfer/events.ts';
import type { LayerStore } from './store.ts';

export interface FollowOptions {
  layers: LayerStore;
  content: ContentStore;
  diffId: Digest;
  blob: Descriptor;
  onEvent: OnEvent;
}

/**
 * Unpacks a layer while its blob comes. Nothing is called by the layer's name before all bytes of the blob are verified, and
 * those of the archive too.
 */
export class LayerFollower implements BlobFollower {
  readonly #options: FollowOptions;
  #attempt: ReturnType<LayerStore['begin']>;
  /** Bytes that come after others were thrown away are unpacked when they are verified. */
  #isTried = false;
  #isVerified = false;
  /** When nothing of this is under way any more. */
  #ended: Promise<void> = Promise.resolve();

  constructor(options: FollowOptions) {
    this.#options = options;
  }

  grown(bytes: number, path: string): void {
    if (!this.#isTried) this.#begin(path);
    this.#attempt?.file.grown(bytes);
  }

  #begin(path: string): void {
    this.#isTried = true;
    const { layers, diffId, blob } = this.#options;
    this.#attempt = layers.begin(diffId, blob, path, (current) => this.#tell(current));
    // Who waits for it is told below.
    this.#attempt?.done.catch(() => {});
  }

  verified(path: string): void {
    this.#isVerified = true;
    this.#tell();
    this.#ended = this.#finish(path);
    this.#ended.catch(() => {});
  }

  async #finish(path: string): Promise<void> {
    const { layers, content, diffId, blob, onEvent } = this.#options;
    const { digest } = blob;
    if (!this.#attempt) {
      const isNew = await layers.unpackLayer(diffId, blob, { content, path });
      onEvent({ digest, phase: isNew ? 'done' : 'exists' });
      return;
    }
    // One that has failed before now has read what is verified now: its reason counts.
    using _file = this.#attempt.file.whole();
    await this.#attempt.done;
    onEvent({ digest, phase: 'done' });
  }

  lost(): void {
    const attempt = this.#attempt;
    this.#isTried = true;
    this.#attempt = undefined;
    if (!attempt) return;
    attempt.file[Symbol.dispose]();
    this.#ended = attempt.done.catch(() => {});
  }

  /** When the layer is there, or was lost and nothing is left of it. Throws why it could not be unpacked. */
  done(): Promise<void> {
    return this.#ended;
  }

  /** Until the blob is there, that is what people wait for, and how much of it was unpacked says nothing. */
  #tell(current?: number): void {
    if (!this.#isVerified) return;
    this.#options.onEvent({
      digest: this.#options.blob.digest,
      phase: 'unpacking',
      ...(current !== undefined && { current }),
    });
  }
}
