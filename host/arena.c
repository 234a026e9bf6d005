/* Memory for QuickJS: one region at a fixed address, in pages of blocks of one size without headers, so that a start
   writes to few pages. It is written to a file when a program is ready, copied back at a start, and copied whole for a
   child: page faults, one for each page otherwise, are the better part of a start's time. Mappings around it are for
   src/native/sys/memory.ts; here is what cannot be done while an interpreter runs in the region. */
#include "host.h"

/* Each page, or the pages of one larger block, begins with the size of its blocks; HEAD keeps malloc's alignment. */
enum { PAGE = 4096, GROWTH = 32 * PAGE, SLACK = 16 * PAGE, LARGE = 512 * PAGE, HEAD = 16, UNITS = (PAGE - HEAD) / 16 };
#define WHOLE(size, unit) (((size) + (unit) - 1) / (unit) * (unit))

/* A class is how many of its blocks fit into a page or, beyond that, how many pages one has, by powers of two. */
static unsigned class_of(size_t size)
{
    size_t units = size / 16 + (size % 16 > 0);
    return units <= UNITS ? UNITS / units : UNITS + 52u - __builtin_clzl(size + HEAD - 1);
}

static size_t size_of(unsigned class)
{
    return class <= UNITS ? UNITS / class * 16 : ((size_t)PAGE << (class - UNITS)) - HEAD;
}

/* Maps `size` bytes or more at `start`, present at once, in a huge page where that pays: how many, or 0. */
size_t arena_map(char *start, size_t size)
{
    size_t room = WHOLE(size, size < LARGE / 4 ? PAGE : LARGE);
    if (mmap(start, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != start)
        return 0;
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

/* A call that copies the process. The child's region is a copy in the room that memory.ts has made: the kernel would
   copy page by page, with a fault for each, paid by the cgroup that the child is born into. The child waits a little
   until its parent has let go of the copy: of a page that two have, the kernel copies what is written to after all. */
long door_fork(long number, long a, long b, long c, long d, long e, long f)
{
    char *copy = arena->copy; /* the region itself is not in the child */
    volatile char *alone = arena->alone;
    size_t room = arena->copy_size;
    memcpy(copy, arena, arena->next - (char *)arena);
    long pid = door_syscall(number, a, b, c, d, e, f);
    if (pid) {
        munmap(copy, room);
        *alone = 1;
        return pid;
    }
    for (int tries = 0; !*alone && tries < 1000; tries++)
        syscall(SYS_sched_yield);
    if (mremap(copy, room, room, MREMAP_MAYMOVE | MREMAP_FIXED, arena) != arena)
        _exit(127);
    arena->mapped = arena->limit = (char *)arena + room;
    return 0;
}

/* Puts the mapping of `size` bytes at `place` in the region's place, with what is in the region; pages that are the
   same already stay in common with others. Where the kernel refuses at once, all is as it was. */
long door_become(char *place, size_t size)
{
    uint64_t *to = (uint64_t *)place, *end = (uint64_t *)arena->next;
    for (uint64_t *from = (uint64_t *)arena; from < end; from++, to++)
        if (*to != *from)
            *to = *from;
    return mremap(place, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, arena) == arena;
}

/* clone3(2) within the caller's frame: a child in the same memory uses the stack below it before its parent goes on. */
static inline __attribute__((always_inline)) long clone_here(struct clone_args *args)
{
#ifdef __x86_64__
    long result = SYS_clone3;
    __asm__ volatile("syscall" : "+a"(result) : "D"(args), "S"(sizeof *args) : "rcx", "r11", "memory");
    return result;
#else
    register long x8 __asm__("x8") = SYS_clone3, x0 __asm__("x0") = (long)args, x1 __asm__("x1") = sizeof *args;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1) : "memory");
    return x0;
#endif
}

/* lend(body, arguments): clone3(2) with CLONE_VM and CLONE_VFORK. The child runs `body`, which does not return, in this
   memory, while its parent stands still until it executes a program or ends; then the region, and the stack from our
   caller's frame on, are as they were before, from a copy at the region's end, which new pages leave out. The pidfd is
   left where its address would be, for the kernel writes it while the memory is lent. */
JSValue host_lend(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    static int lent; /* how often just now: not part of what is put back */
    char *frames = __builtin_dwarf_cfa(); /* where our caller's begin */
    size_t length, used = arena->next - (char *)arena, depth = arena->stack - frames, room = WHOLE(used + depth, PAGE);
    struct clone_args *args = (struct clone_args *)bytes_of(ctx, argv[1], &length);
    if (!args || length != sizeof *args)
        return JS_ThrowTypeError(ctx, "lend: expected a function and the arguments of clone3");
    int fits = room <= (size_t)(arena->limit - arena->next), level = ++lent, pidfd = -1;
    if (!fits && !grow(room + SLACK))
        return lent--, JS_NewInt32(ctx, -ENOMEM);
    char *copy = (fits ? arena->limit : arena->mapped) - room;
    args->flags |= CLONE_VM | CLONE_VFORK | CLONE_PIDFD;
    args->pidfd = (uintptr_t)&pidfd;
    memcpy(copy, arena, used);
    memcpy(copy + used, frames, depth);
    arena->limit = copy < arena->limit ? copy : arena->limit;
    /* No function may return between the two: the child uses the stack below this frame. */
    long pid = clone_here(args);
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
    if ((size_t)(arena->limit - arena->next) < size) {
        if (arena->limit < arena->mapped)
            arena->next = arena->limit = arena->mapped;
        if (!grow(size > GROWTH ? size : GROWTH))
            return 0;
    }
    char *page = arena->next;
    arena->next += size;
    *(size_t *)page = block;
    for (char *at = page + HEAD + (block < PAGE ? UNITS * 16 / block - 1 : 0) * block; at > page; at -= block) {
        *(char **)at = arena->freed[class];
        arena->freed[class] = at;
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
    /* What is left over would differ between runs of the build, and be seen in structures of which not all is set. */
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
