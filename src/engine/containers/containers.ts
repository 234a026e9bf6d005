import { ProaError } from '#common/errors.ts';
import type { Container } from './container.ts';

const NAME = /^\/?[a-zA-Z0-9][\w.-]+$/;

/** All containers, by id and by name. A name belongs to one container from the moment that it is asked for. */
export class Containers {
  readonly #byId = new Map<string, Container>();
  /** A container's, or claimed for one that is being made. */
  readonly #names = new Map<string, string>();

  list(): Container[] {
    return [...this.#byId.values()];
  }

  /** A name that another has stays with that. */
  add(container: Container): void {
    this.#byId.set(container.id, container);
    if (!this.#names.has(container.name)) this.#names.set(container.name, container.id);
  }

  remove(container: Container): void {
    this.#byId.delete(container.id);
    if (this.#names.get(container.name) === container.id) this.#names.delete(container.name);
  }

  /** Ids of those that have a volume, whether they run or not. */
  usersOf(volume: string): string[] {
    return this.list()
      .filter(({ record }) => record.mounts.some(({ Name }) => Name === volume))
      .map(({ id }) => id);
  }

  /** Takes a name for a container. Throws `invalid` for one that is none, `conflict` for one that is taken. */
  claimName(wanted: string, id: string): string {
    if (!NAME.test(wanted))
      throw new ProaError(`Invalid container name (${wanted}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`, {
        kind: 'invalid',
      });
    const name = wanted.replace(/^\//, '');
    const owner = this.#names.get(name);
    if (owner !== undefined && owner !== id)
      throw new ProaError(
        `Conflict. The container name "/${name}" is already in use by container "${owner}". You have to remove (or rename) that container to be able to reuse that name.`,
        { kind: 'conflict' },
      );
    this.#names.set(name, id);
    return name;
  }

  hasName(name: string): boolean {
    return this.#names.has(name);
  }

  releaseName(name: string, id: string): void {
    if (this.#names.get(name) === id) this.#names.delete(name);
  }

  /** By id, by name with or without its slash, or by the beginning of an id. Throws `not-found`, `conflict` for several. */
  find(text: string): Container {
    const byName = this.#names.get(text.replace(/^\//, ''));
    const exact = this.#byId.get(text) ?? (byName === undefined ? undefined : this.#byId.get(byName));
    if (exact) return exact;
    const found = /^[0-9a-f]+$/.test(text) ? this.list().filter(({ id }) => id.startsWith(text)) : [];
    if (found.length === 1 && found[0]) return found[0];
    if (found.length > 1) throw new ProaError(`Multiple IDs found with provided prefix: ${text}`, { kind: 'conflict' });
    throw new ProaError(`No such container: ${text}`, { kind: 'not-found' });
  }

  /** The same; undefined where there is none, or several. */
  findIfAny(text: string): Container | undefined {
    try {
      return this.find(text);
    } catch {
      return undefined;
    }
  }
}
