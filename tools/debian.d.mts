export function cachedRoot(name: string, options: { suite: string; packages?: string[] }): string;
export function imageBase(): string;
