/* Memory for QuickJS: one region at a fixed address, cut into blocks that are kept in lists by size and never given back
   before the process ends. A start makes and drops some ten thousand small objects in a few milliseconds; and being
   always at the same place, the region can be written to a file when a program is ready, and read back (snapshot.c). */
#include "host.h"

#include <string.h>
#include <sys/mman.h>

/* Before each block. 16 bytes, so that blocks keep malloc's alignment. */
struct header {
    size_t size;
    struct header *next;
};

/* Sizes up to 512 in steps of 16, then powers of two. */
static unsigned class_of(size_t size)
{
    return size <= 512 ? (size + 15) / 16 : 33u + 54u - (unsigned)__builtin_clzl(size - 1);
}

static size_t size_of(unsigned class)
{
    return class <= 32 ? class * 16 : (size_t)512 << (class - 32);
}

/* Makes room for `size` more bytes; present at once, since faults one by one cost more. */
int arena_grow(size_t size)
{
    size = (size + 0x1ffff) & ~(size_t)0x1ffff;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_POPULATE;
    char *start = arena_mapped ? arena_mapped : (char *)arena;
    if (mmap(start, size, PROT_READ | PROT_WRITE, flags, -1, 0) != start)
        return -1;
    arena_mapped = start + size;
    return 0;
}

char *arena_mapped;

static void *take(JSMallocState *state, size_t size)
{
    unsigned class = class_of(size);
    struct header *block;
    (void)state;
    if (class > ARENA_CLASSES)
        return NULL;
    block = arena->free_blocks[class];
    if (block) {
        arena->free_blocks[class] = block->next;
    } else {
        size_t whole = sizeof *block + size_of(class);
        if ((size_t)(arena_mapped - arena->next) < whole && arena_grow(whole))
            return NULL;
        block = (struct header *)arena->next;
        arena->next += whole;
    }
    block->size = size_of(class);
    /* What is left over from former uses would differ from run to run. */
    if (arena->building)
        memset(block + 1, 0, block->size);
    return block + 1;
}

static void give(JSMallocState *state, void *pointer)
{
    struct header *block = (struct header *)pointer - 1;
    (void)state;
    if (!pointer)
        return;
    struct header **list = (struct header **)&arena->free_blocks[class_of(block->size)];
    block->next = *list;
    *list = block;
}

static size_t usable(const void *pointer)
{
    return pointer ? ((const struct header *)pointer - 1)->size : 0;
}

static void *resize(JSMallocState *state, void *pointer, size_t size)
{
    size_t before = usable(pointer);
    if (pointer && size <= before && size > 0)
        return pointer;
    void *next = size > 0 ? take(state, size) : NULL;
    if (next && pointer)
        memcpy(next, pointer, before);
    if (next || size == 0)
        give(state, pointer);
    return next;
}

const JSMallocFunctions arena_functions = {take, give, resize, usable};
