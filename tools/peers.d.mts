export const repositoryInside: string;
export interface Peers {
  /** A program and its arguments that run `line` among the peers. */
  command(line: readonly string[]): [string, string[]];
  environment(more?: Record<string, string>): Record<string, string>;
  end(): Promise<void>;
}
export function openPeers(options?: { network?: boolean }): Promise<Peers>;
