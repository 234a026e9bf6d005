/** The architecture that the bundle is built for. */
declare const MACHINE: 'x86-64' | 'aarch64';
