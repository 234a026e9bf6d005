/* What the parts of the host share, and what the build hands to it: programs by name, and bytecode by name. Both tables
   end with a null name. */
#ifndef PROA_HOST_H
#define PROA_HOST_H

#include <quickjs/quickjs.h>
#include <stddef.h>
#include <stdint.h>

struct blob {
    const char *name;
    const uint8_t *start;
    const uint8_t *end;
};

struct program {
    const char *name;
    const char *entry;
};

extern const struct blob blobs[];
extern const struct program programs[];
/* Programs that run from a copy of the binary that containers cannot write to, with the commands that need it: entry.c. */
extern const char detached[];

/* The beginning of the region that holds all of QuickJS's memory, at a place that fits address spaces of 39 bits. */
#define ARENA_CLASSES 60 /* the largest are blocks of 8 GiB */
struct arena_class {
    void *freed; /* blocks to use again, each with the address of the next */
    char *next;  /* the next new block */
};
struct arena {
    char *next;                /* where the next new page goes */
    const void *image;         /* where `programs` was when the region was written to a file */
    size_t loaded;             /* bytes of bytecode read */
    size_t building;           /* the memory will be written to a file */
    JSRuntime *runtime;
    JSContext *ctx;
    JSValue host;
    struct arena_class classes[ARENA_CLASSES];
};
#define arena ((struct arena *)0x4000000000)

extern char *arena_mapped;
extern char *arena_stack; /* where the frames of main() and its callees end */
int arena_grow(size_t size);
/* A call and its arguments; the result or -errno. */
long kernel_call(const long *call);
long arena_fork(const long *call);
struct clone_args;
long arena_lend(struct clone_args *args, char *frames, void (*body)(void *), void *argument);
extern const JSMallocFunctions arena_functions;
JSValue host_share(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);
JSValue host_deepen(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);
JSValue host_trim(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);

/* A typed array's bytes, or NULL with a TypeError pending. The caller keeps `value` alive while it uses them. */
uint8_t *bytes_of(JSContext *ctx, JSValueConst value, size_t *length);

JSValue host_frame(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv);

/* Puts the region back as it was when `entry` was ready to run; -1 where this binary has no snapshot of it. */
int restore(const char *entry);

#endif
