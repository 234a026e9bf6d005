/* Memory for QuickJS: one region at a fixed address, in pages that each hold blocks of one size. Blocks of a size lie
   together and have no headers, so that what a start writes to is on few pages: after a fork each of them is a fault and
   a copy, and, while the process lives, memory of its own. Being always at the same place, the region can be written to
   a file when a program is ready, and copied back at a start (snapshot.c). */
#include "host.h"

#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, GROWTH = 32 * PAGE, STEPS = 32 /* sizes up to 512 in steps of 16 */ };

/* At the beginning of each page, or of the pages of one larger block; 16 bytes keep malloc's alignment. */
struct page {
    size_t block;  /* size of its blocks */
    size_t unused;
};
#define ROOM (PAGE - sizeof(struct page))

/* Classes: a step each, then the sizes of which 7, 6 … 2 fit into a page, then pages by powers of two. */
static unsigned class_of(size_t size)
{
    size_t steps = (size + 15) / 16;
    if (steps <= STEPS)
        return (unsigned)steps;
    if (steps <= ROOM / 2 / 16)
        return STEPS + 8 - (unsigned)(ROOM / 16 / steps);
    return STEPS + 7 + 52 - (unsigned)__builtin_clzl(size + sizeof(struct page) - 1);
}

static size_t size_of(unsigned class)
{
    if (class <= STEPS)
        return class * 16;
    if (class <= STEPS + 6)
        return ROOM / 16 / (STEPS + 8 - class) * 16;
    return ((size_t)PAGE << (class - STEPS - 7)) - sizeof(struct page);
}

char *arena_mapped;

/* Makes room for `size` more bytes; present at once, since faults one by one cost more. */
int arena_grow(size_t size)
{
    size = (size + GROWTH - 1) / GROWTH * GROWTH;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_POPULATE;
    char *start = arena_mapped ? arena_mapped : (char *)arena;
    if (mmap(start, size, PROT_READ | PROT_WRITE, flags, -1, 0) != start)
        return -1;
    arena_mapped = start + size;
    return 0;
}

/* The first block of new pages. */
static char *open_pages(size_t block)
{
    size_t whole = (block + sizeof(struct page) + PAGE - 1) / PAGE * PAGE;
    if ((size_t)(arena_mapped - arena->next) < whole && arena_grow(whole))
        return NULL;
    struct page *page = (struct page *)arena->next;
    arena->next += whole;
    page->block = block;
    return (char *)(page + 1);
}

static void *take(JSMallocState *state, size_t size)
{
    unsigned class = class_of(size);
    if (class >= ARENA_CLASSES || size == 0)
        return NULL;
    struct arena_class *own = &arena->classes[class];
    size_t block = size_of(class);
    char *taken = own->freed;
    if (taken) {
        own->freed = *(void **)taken;
    } else {
        /* The next block of the page that was opened last, if one is left there. */
        size_t used = (uintptr_t)own->next % PAGE;
        taken = used && used + block <= PAGE ? own->next : open_pages(block);
        if (!taken)
            return NULL;
        own->next = taken + block;
    }
    /* What is left over from former uses would differ from run to run. */
    if (arena->building)
        memset(taken, 0, block);
    return taken;
}

static size_t usable(const void *pointer)
{
    return pointer ? ((const struct page *)((uintptr_t)pointer & ~(uintptr_t)(PAGE - 1)))->block : 0;
}

static void give(JSMallocState *state, void *pointer)
{
    if (!pointer)
        return;
    struct arena_class *own = &arena->classes[class_of(usable(pointer))];
    *(void **)pointer = own->freed;
    own->freed = pointer;
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

/* trim(): gives the kernel memory that holds nothing: behind the last page, inside free blocks of several pages, and the
   stack below its caller. All of it reads as zeros afterwards. For processes that wait for years. */
JSValue host_trim(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    madvise(arena->next, arena_mapped - arena->next, MADV_DONTNEED);
    for (unsigned class = STEPS + 8; class < ARENA_CLASSES; class++)
        for (char *block = arena->classes[class].freed; block; block = *(void **)block)
            /* Its first page holds the size and the way to the next one. */
            madvise(block - sizeof(struct page) + PAGE, size_of(class) + sizeof(struct page) - PAGE, MADV_DONTNEED);
    /* Nothing else is mapped for a long way below a stack, and holes are passed over: mmap(2), madvise(2). */
    char *stack = (char *)((uintptr_t)__builtin_frame_address(0) & ~(uintptr_t)(PAGE - 1)) - PAGE;
    madvise(stack - 64 * PAGE, 64 * PAGE, MADV_DONTNEED);
    return JS_UNDEFINED;
}

const JSMallocFunctions arena_functions = {take, give, resize, usable};
