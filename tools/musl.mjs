// The C library of the static binary. It is musl: glibc asks the processor for all of its features before main(), which
// takes as long as the rest of our start where that is a virtual one. Debian's static libraries are compiled for glibc;
// what they call has one interface in both, which is made sure of here, name by name.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { stop } from './system.mjs';
import { below, cc, machine, toolOf, triple } from './target.mjs';

/** Of a library for glibc: functions whose arguments are numbers, pointers, and structures that both have alike. */
const shared = new Set(
  `
  abort calloc free getenv malloc malloc_usable_size realloc secure_getenv
  memchr memcmp memcpy memmove memset strchr strcmp strlen strrchr
  acos acosh asin asinh atan atan2 atanh cbrt ceil cos cosh exp expm1 fabs floor fmax fmin fmod hypot log log10 log1p
  log2 lrint pow round scalbn sin sinh sqrt tan tanh trunc
  clock_gettime gettimeofday localtime_r
  fputc fwrite stderr
  pthread_cond_destroy pthread_cond_init pthread_cond_signal pthread_cond_timedwait pthread_cond_wait
  pthread_mutex_lock pthread_mutex_unlock
  __assert_fail __errno_location __getauxval __stack_chk_fail __stack_chk_guard getauxval
  __fprintf_chk __snprintf_chk __vsnprintf_chk
  `
    .trim()
    .split(/\s+/),
);

export class Musl {
  #library;
  #scratch;
  #headers;

  /** `scratch`: a directory for objects. */
  constructor(scratch) {
    this.#scratch = scratch;
    const glibc = triple();
    const name = glibc.replace(/-gnu$/, '-musl');
    this.#library = below('usr/lib', name);
    if (!existsSync(join(this.#library, 'rcrt1.o'))) stop(`${this.#library} holds no rcrt1.o: install musl-dev`);
    this.#headers = ['-nostdinc', '-isystem', below('usr/include', name), '-isystem', this.#ofCompiler('include')];
    // The kernel's headers are beside those of glibc.
    for (const path of ['', glibc]) this.#headers.push('-idirafter', below('usr/include', path));
  }

  /** The path of a file that the compiler knows. */
  #ofCompiler(name) {
    return execFileSync(cc, [`--sysroot=${below()}`, `-print-file-name=${name}`], { encoding: 'utf8' }).trim();
  }

  #run(words) {
    execFileSync(cc, words, { stdio: 'inherit' });
  }

  /**
   * Compiles C sources and links them, with what they use of static `libraries` (paths, or names such as "libz.a"), into
   * `output`.
   */
  build({ sources, flags, libraries, output, strip }) {
    const objects = sources.map((source, index) => {
      const object = join(this.#scratch, `part-${index}.o`);
      this.#run([...this.#headers, ...flags, '-c', source, '-o', object]);
      return object;
    });
    const paths = libraries.map((name) => (name.includes('/') ? name : this.#ofCompiler(name)));
    const there = new Set(paths.flatMap((path) => namesIn(path, '--defined-only')));
    const roots = objects.flatMap((object) => namesIn(object, '--undefined-only')).filter((name) => there.has(name));
    const gathered = join(this.#scratch, 'libraries.o');
    const group = ['-Wl,--start-group', ...paths, this.#ofCompiler('libgcc.a'), '-Wl,--end-group'];
    this.#run(['-r', '-nostdlib', ...roots.map((name) => `-Wl,-u,${name}`), '-o', gathered, ...group]);
    const wanted = namesIn(gathered, '--undefined-only').filter((name) => !shared.has(name));
    if (wanted.length > 0)
      stop(`compiled for glibc, the libraries call what musl may have otherwise: ${wanted.join(' ')}`);
    dropConstructor(gathered);
    const start = ['rcrt1.o', 'crti.o'].map((name) => join(this.#library, name));
    const end = join(this.#library, 'crtn.o');
    this.#run([
      ...['-static-pie', '-nostartfiles', '-nostdlib', '-Wl,-z,relro,-z,now,-z,noexecstack', strip ? '-s' : '-g'],
      ...['-o', output, ...start, this.#ofCompiler('crtbeginS.o'), ...objects, gathered],
      ...[join(this.#library, 'libc.a'), this.#ofCompiler('libgcc.a'), this.#ofCompiler('crtendS.o'), end],
    ]);
  }
}

/**
 * nettle's asks the processor what it has, at every start; without it the first use does. libgcc's on aarch64 asks whether
 * there are atomic instructions; without it those are used that all have. Of the others, which there are not, nobody has
 * looked whether they can be done without.
 */
function dropConstructor(object) {
  const sizes = execFileSync(toolOf('size'), ['-A', object], { encoding: 'utf8' });
  const known = machine() === 'aarch64' ? 16 : 8;
  for (const [, name, size] of sizes.matchAll(/^(\.(?:preinit_array|init_array|ctors)\S*)\s+(\d+)/gm))
    if (name !== '.init_array' || Number(size) > known)
      stop(`a library has a constructor that is not known, in ${name}`);
  execFileSync(toolOf('objcopy'), ['--remove-section=.init_array', object]);
}

/** Names of an object or archive, but for weak ones that are nowhere, and the table of offsets, which the linker makes. */
function namesIn(file, which) {
  // Of an archive's members without any, it complains.
  const options = { stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 26, encoding: 'utf8' };
  const lines = execFileSync(toolOf('nm'), [which, '--format=posix', file], options).split('\n');
  const names = lines.map((line) => line.split(' ')).filter(([, type]) => type && !'wv'.includes(type));
  return names.map(([name]) => name).filter((name) => name !== '_GLOBAL_OFFSET_TABLE_');
}
