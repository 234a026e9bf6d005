/** Who uses which volumes. */
export class VolumeUsers {
  readonly #users = new Map<string, Set<string>>();

  add(volume: string, user: string): void {
    const users = this.#users.get(volume) ?? new Set();
    this.#users.set(volume, users.add(user));
  }

  delete(volume: string, user: string): void {
    const users = this.#users.get(volume);
    users?.delete(user);
    if (users?.size === 0) this.#users.delete(volume);
  }

  of(volume: string): string[] {
    return [...(this.#users.get(volume) ?? [])];
  }

  volumesOf(user: string): string[] {
    return [...this.#users].filter(([, users]) => users.has(user)).map(([volume]) => volume);
  }
}
