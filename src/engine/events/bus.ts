export interface EngineEvent {
  Type: 'container' | 'image' | 'volume' | 'daemon';
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> };
  scope: 'local';
  /** Seconds and nanoseconds since 1970. */
  time: number;
  timeNano: number;
}

/** As many are kept for those who ask for the past. */
const KEPT = 1024;

/** What happens, told to everybody who listens, in the shape of the Docker Engine API's events. */
export class EventBus {
  readonly #kept: EngineEvent[] = [];
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  #last = 0n;

  emit(type: EngineEvent['Type'], action: string, id: string, attributes: Record<string, string> = {}): void {
    // Each later than the one before: whoever asks for what came since an event does not get that one again.
    const now = BigInt(Date.now()) * 1_000_000n;
    this.#last = now > this.#last ? now : this.#last + 1n;
    const event: EngineEvent = {
      Type: type,
      Action: action,
      Actor: { ID: id, Attributes: attributes },
      scope: 'local',
      time: Number(this.#last / 1_000_000_000n),
      timeNano: Number(this.#last),
    };
    this.#kept.push(event);
    if (this.#kept.length > KEPT) this.#kept.shift();
    for (const hear of this.#listeners) hear(event);
  }

  /** Those that are kept, oldest first. */
  past(): readonly EngineEvent[] {
    return this.#kept;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  listen(hear: (event: EngineEvent) => void): Disposable {
    this.#listeners.add(hear);
    return { [Symbol.dispose]: () => this.#listeners.delete(hear) };
  }
}
