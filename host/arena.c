/* Memory for QuickJS. A start makes and drops some ten thousand small objects in a few milliseconds: blocks of like size
   are cut from one region and kept in lists, and nothing is ever given back before the process ends. */
#include "host.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define REGION (768u << 10) /* what a start uses; made present at once, since faults one by one cost more */
#define CLASSES 32 /* of 16 bytes each: larger blocks come from malloc */

/* Before each block. 16 bytes, so that blocks keep malloc's alignment. */
struct header {
    size_t size;
    struct header *next;
};

static struct header *free_blocks[CLASSES + 1];
static char *region, *region_end;

static void *take(JSMallocState *state, size_t size)
{
    size_t class = (size + 15) / 16;
    struct header *block;
    (void)state;
    if (class > CLASSES) {
        block = malloc(sizeof *block + class * 16);
        if (!block)
            return NULL;
    } else if ((block = free_blocks[class])) {
        free_blocks[class] = block->next;
        return block + 1;
    } else {
        size_t whole = sizeof *block + class * 16;
        if ((size_t)(region_end - region) < whole) {
            region = mmap(NULL, REGION, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
            if (region == MAP_FAILED)
                return region = region_end = NULL;
            region_end = region + REGION;
        }
        block = (struct header *)region;
        region += whole;
    }
    block->size = class * 16;
    return block + 1;
}

static void give(JSMallocState *state, void *pointer)
{
    struct header *block = (struct header *)pointer - 1;
    (void)state;
    if (!pointer)
        return;
    if (block->size > CLASSES * 16) {
        free(block);
        return;
    }
    block->next = free_blocks[block->size / 16];
    free_blocks[block->size / 16] = block;
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

const JSMallocFunctions arena = {take, give, resize, usable};
