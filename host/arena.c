/* Memory for QuickJS: one region at a fixed address, in pages that each hold blocks of one size. Blocks of a size lie
   together and have no headers, so that what a start writes to is on few pages. Being always at the same place, the region
   can be written to a file when a program is ready, copied back at a start, and copied as a whole for a child: page faults,
   one for each page otherwise, are the better part of a start's time. What is done with mappings around it is in
   src/native/sys/memory.ts; here is what cannot be done while an interpreter runs in it. */
#include "host.h"

/* Each page, or the pages of one larger block, begins with the size of its blocks, in as many bytes as keep malloc's
   alignment. */
enum { PAGE = 4096, GROWTH = 32 * PAGE, SLACK = 16 * PAGE, HUGE = 512 * PAGE, HEAD = 16, UNITS = (PAGE - HEAD) / 16 };

#define WHOLE(size, unit) (((size) + (unit) - 1) / (unit) * (unit))

/* A class is how many of its blocks fit into a page or, beyond that, for how many pages a block is, by powers of two. */
static unsigned class_of(size_t size)
{
    size_t units = (size + 15) / 16;
    return units <= UNITS ? UNITS / units : UNITS + 52u - __builtin_clzl(size + HEAD - 1);
}

static size_t size_of(unsigned class)
{
    return class <= UNITS ? UNITS / class * 16 : ((size_t)PAGE << (class - UNITS)) - HEAD;
}

/* Maps `size` bytes at `start`, or more; 0 where that fails, or how many. Faults one by one cost more than memory
   present at once; where the kernel has huge pages, what fills a good part of one is a single fault. */
size_t arena_map(char *start, size_t size)
{
    int huge = size >= HUGE / 4;
    size_t room = WHOLE(size, huge ? HUGE : PAGE);
    if (mmap(start, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != start)
        return 0;
    if (huge)
        madvise(start, room, MADV_HUGEPAGE);
    madvise(start, size, MADV_POPULATE_WRITE);
    madvise(start, room, MADV_DONTFORK);
    return room;
}

static int grow(size_t size)
{
    size_t room = arena_map(arena->mapped, size);
    if (arena->limit == arena->mapped)
        arena->limit += room;
    arena->mapped += room;
    return room > 0;
}

/* A call that copies the process. The child's region is the copy for which memory.ts has made room: the kernel would copy
   it page by page, with a fault for each on both sides, and what a child is born into, such as a cgroup with little
   memory, would pay for it. The child waits a little until its parent has let go of the copy: of a page that two have, the
   kernel would copy what is written to after all. */
long arena_fork(const long *a)
{
    char *copy = arena->copy; /* the region itself is not in the child */
    volatile char *alone = arena->alone;
    size_t room = arena->copy_size;
    memcpy(copy, arena, arena->next - (char *)arena);
    long pid = kernel(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
    if (pid) {
        munmap(copy, room);
        *alone = 1;
        return pid;
    }
    for (int tries = 0; !*alone && tries < 1000; tries++)
        sched_yield();
    if (mremap(copy, room, room, MREMAP_MAYMOVE | MREMAP_FIXED, arena) != arena)
        _exit(127);
    arena->mapped = arena->limit = (char *)arena + room;
    return 0;
}

/* Puts the mapping of `size` bytes at `place` in the region's place, with what is in the region. Of pages that are the same
   already, nothing is written: what others have in common with the mapping stays so. Where the kernel refuses at once, all
   is as it was; where it fails later, there is no memory left to run in. */
long arena_become(char *place, size_t size)
{
    for (size_t at = 0; at < (size_t)(arena->next - (char *)arena); at += PAGE)
        if (memcmp(place + at, (char *)arena + at, PAGE))
            memcpy(place + at, (char *)arena + at, PAGE);
    return mremap(place, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, arena) == arena;
}

/* How often the memory is lent just now: not part of what is put back. */
static int lent;

/* lend(body, arguments): clone3(2) with CLONE_VM and CLONE_VFORK. The child runs `body`, which does not return, in this
   memory, while its parent stands still until it executes a program or ends; then the region, and the stack from our
   caller's frame on, are as they were before. The copy for that lies where new pages will be, which leave it out; where
   memory is added for it, so is some for the child. The pidfd is left where its address would be, for the kernel writes it
   while the memory is lent. */
JSValue host_lend(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    char *frames = __builtin_dwarf_cfa(); /* where our caller's begin */
    size_t length, used = arena->next - (char *)arena, depth = arena->stack - frames, room = WHOLE(used + depth, PAGE);
    struct clone_args *args = (struct clone_args *)bytes_of(ctx, argv[1], &length);
    if (!args || length != sizeof *args)
        return JS_ThrowTypeError(ctx, "lend: expected a function and the arguments of clone3");
    size_t free = arena->limit - arena->next;
    if (free < room && !grow(arena->limit == arena->mapped ? room - free + SLACK : room))
        return JS_NewInt32(ctx, -ENOMEM);
    char *end = free < room ? arena->mapped : arena->limit, *copy = end - room;
    int pidfd = -1, level = ++lent;
    args->flags |= CLONE_VM | CLONE_VFORK | CLONE_PIDFD;
    args->pidfd = (uintptr_t)&pidfd;
    memcpy(copy, arena, used);
    memcpy(copy + used, frames, depth);
    arena->resume = end == arena->mapped ? end : arena->resume;
    arena->limit = copy < arena->limit ? copy : arena->limit;
    /* No function may return between the two: the child uses the stack below this frame. */
    long pid = kernel(SYS_clone3, (long)args, sizeof *args, 0, 0, 0, 0);
    if (pid == 0) {
        JS_Call(ctx, argv[0], JS_UNDEFINED, 0, NULL);
        _exit(127);
    }
    /* It was killed while it had lent the memory on: somebody still runs in it, and nobody else may. */
    if (lent != level)
        _exit(127);
    memcpy(arena, copy, used);
    memcpy(frames, copy + used, depth);
    lent--;
    args->pidfd = pidfd;
    return JS_NewInt64(ctx, pid);
}

/* New blocks of a class: a page of them, or one of several pages. */
static int open_pages(unsigned class)
{
    size_t block = size_of(class), size = WHOLE(block + HEAD, PAGE);
    if ((size_t)(arena->limit - arena->next) < size && arena->limit < arena->mapped) {
        arena->next = arena->resume;
        arena->limit = arena->mapped;
    }
    if ((size_t)(arena->limit - arena->next) < size && !grow(size > GROWTH ? size : GROWTH))
        return 0;
    char *page = arena->next;
    arena->next += size;
    *(size_t *)page = block;
    for (size_t count = block < PAGE ? UNITS * 16 / block : 1; count > 0; count--) {
        char *next = page + HEAD + (count - 1) * block;
        *(char **)next = arena->freed[class];
        arena->freed[class] = next;
    }
    return 1;
}

static void *take(JSMallocState *state, size_t size)
{
    unsigned class = size > 0 ? class_of(size) : CLASSES;
    if (class >= CLASSES || (!arena->freed[class] && !open_pages(class)))
        return NULL;
    char *taken = arena->freed[class];
    arena->freed[class] = *(char **)taken;
    /* What is left over from former uses would differ from run to run of the build (tools/snapshot.mjs), and be seen in
       structures of which not all is set. */
    if (size_of(class) < PAGE)
        memset(taken, 0, size_of(class));
    return taken;
}

static size_t usable(const void *pointer)
{
    return pointer ? *(size_t *)((uintptr_t)pointer & -PAGE) : 0;
}

static void give(JSMallocState *state, void *pointer)
{
    size_t block = usable(pointer);
    char *page = (char *)pointer - HEAD;
    if (block >= UNITS * 16 && page + WHOLE(block + HEAD, PAGE) == arena->next) {
        arena->next = page; /* the last pages: what is copied becomes so much less */
    } else if (pointer) {
        *(char **)pointer = arena->freed[class_of(block)];
        arena->freed[class_of(block)] = pointer;
    }
}

static void *resize(JSMallocState *state, void *pointer, size_t size)
{
    size_t before = usable(pointer);
    if (size > 0 && size <= before)
        return pointer;
    void *next = take(state, size);
    if (next && pointer)
        memcpy(next, pointer, before);
    if (next || size == 0)
        give(state, pointer);
    return next;
}

const JSMallocFunctions arena_functions = {take, give, resize, usable};
