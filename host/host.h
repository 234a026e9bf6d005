/* What the parts of the host share, and what the build hands to it: programs, bytecode and functions of
   libraries by name. Each table ends with an empty name. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <quickjs/quickjs.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HIDDEN __attribute__((visibility("hidden"))) /* found without relocation: entry.c */

struct blob {
    const char *name;
    const uint8_t *start, *end;
};
extern const struct blob blobs[];

struct function {
    const char *name;
    long (*address)(long, long, long, long, long, long, long, long);
    int narrow; /* what it returns is an int */
};
extern const struct function functions[];

/* The first program answers to any name. tools/snapshot.mjs writes where its memory is in the file: `size` bytes, then
   `pointers` offsets of 32 bits into them, of words that count from the beginning of the binary. */
struct program {
    char name[24], entry[24], detached[4][8]; /* the commands that run detached; "*" for all */
    uint64_t offset, size, pointers;
};
extern const struct program programs[] HIDDEN;
HIDDEN const struct program *program_called(const char *path);
extern const char __executable_start[] HIDDEN, __start_bytecode[] HIDDEN;

/* The beginning of the region that holds all of QuickJS's memory, at a place that fits address spaces of 39 bits.
   src/native/sys/memory.ts reads and writes what is before `ctx`. */
enum { CLASSES = 280 };
struct arena {
    char *next;           /* where the next new page goes */
    char *limit, *resume; /* new pages leave out what is between these, or, where the limit is the end, nothing */
    char *mapped;         /* where the region ends */
    char *copy;           /* room for a copy of it, and its size */
    uint64_t copy_size;
    char *alone;          /* a byte that a copied process shares with its parent */
    const char *stack, *frame, *text, *text_end; /* where the stack begins and how far it went of late; the code */
    char **argv;          /* arguments, null, environment, null */
    uint64_t loaded;      /* bytes of bytecode read */
    char *freed[CLASSES]; /* blocks to use, each with the address of the next */
    JSContext *ctx;
    JSValue host;
};
#define arena ((struct arena *)0x4000000000)

extern const JSMallocFunctions arena_functions;
size_t arena_map(char *start, size_t size);
long arena_fork(const long *call);
long arena_become(char *place, size_t size);
JSValue host_lend(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);

long text_replace(const uint8_t *from, size_t length, uint8_t *out, size_t room, const uint64_t (*words)[2]);

/* A typed array's bytes, or NULL with a TypeError pending. The caller keeps `value` alive while it uses them. */
uint8_t *bytes_of(JSContext *ctx, JSValueConst value, size_t *length);

/* syscall(2) within the caller's frame, and before the library is ready: the result or -errno. */
static inline __attribute__((always_inline)) long kernel(long number, long a, long b, long c, long d, long e, long f)
{
#ifdef __x86_64__
    register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "+a"(number) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
    return number;
#else
    register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
#endif
}
