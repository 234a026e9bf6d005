/* What the two parts of the host share, and the tables that the build makes: each ends with an empty name. */
#pragma once
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <quickjs/quickjs.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <linux/mman.h>
#include <linux/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <unistr.h>

extern const struct blob {
    const char *name;
    const uint8_t *start, *end;
} blobs[];

extern const struct function {
    const char *name;
    long (*address)(long, long, long, long, long, long, long, long);
    int narrow; /* what it returns is an int */
} functions[];

/* The first program answers to any name. tools/snapshot.mjs writes where its memory is in the file: `size` bytes, then
   `pointers` offsets of 32 bits into them, of words that count from the beginning of the binary. */
extern const struct program {
    char name[24], entry[24], detached[4][8]; /* the commands that run detached; "*" for all */
    uint64_t offset, size, pointers;
} programs[];
extern const char __executable_start[], __start_bytecode[];

/* The beginning of the region that holds all of QuickJS's memory, at a place that fits address spaces of 39 bits.
   src/native/sys/memory.ts reads and writes what is before `host`. */
enum { CLASSES = 280 };
struct arena {
    char *next, *limit, *mapped; /* new pages leave out what is between the last two, and the region ends at the last */
    char *copy;                  /* room for a copy of it, and its size */
    uint64_t copy_size;
    char *alone;                                 /* a byte that a copied process shares with its parent */
    const char *stack, *frame, *text, *text_end; /* where the stack begins and how far it went of late; the code */
    char **argv;                                 /* arguments, null, environment, null */
    uint64_t loaded;                             /* bytes of bytecode read */
    JSContext *ctx;
    char *freed[CLASSES]; /* blocks to use, each with the address of the next */
    JSValue host;
};
#define arena ((struct arena *)0x4000000000)

extern const JSMallocFunctions arena_functions;
size_t arena_map(char *start, size_t size);
JSValue host_lend(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);

/* For TypeScript by name, as functions of libraries are: tools/functions.mjs. */
long door_syscall(long number, long a, long b, long c, long d, long e, long f);
long door_fork(long number, long a, long b, long c, long d, long e, long f);
long door_become(char *place, size_t size);
long door_replace(const uint8_t *from, size_t length, uint8_t *out, size_t room, const uint64_t (*words)[2]);

/* A typed array's bytes, or NULL with a TypeError pending. The caller keeps `value` alive while it uses them. */
uint8_t *bytes_of(JSContext *ctx, JSValueConst value, size_t *length);
