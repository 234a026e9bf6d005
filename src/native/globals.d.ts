/** The architecture that the bundle is built for. */
declare const MACHINE: 'x86-64' | 'aarch64';
/** Differs between two compilers of seccomp filters: a digest of its sources. */
declare const SECCOMP_COMPILER: string;
