/* Memory for QuickJS: one region at a fixed address, in pages that each hold blocks of one size. Blocks of a size lie
   together and have no headers, so that what a start writes to is on few pages: after a fork each of them is a fault and
   a copy, and, while the process lives, memory of its own. Being always at the same place, the region can be written to
   a file when a program is ready, and copied back at a start (snapshot.c). */
#define _GNU_SOURCE
#include "host.h"

#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 4096, GROWTH = 32 * PAGE, HUGE = 512 * PAGE, WORTH = HUGE / 4, STEPS = 32 /* sizes up to 512 in steps of 16 */ };

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

char *arena_mapped, *arena_stack;

/* What new blocks may not lie in: where the region was copied to while it is lent. And how often it is lent just now. */
static char *hole, *hole_end;
static int lent;

/* Where a copy of the region is: for a child, and for the time that it is lent where it has no room for one itself. */
#define APART 0x100000000
#define COPY ((char *)arena - APART)
#define KEPT ((char *)arena - APART * (2 + lent))

/* Maps `room` bytes at `place`, `size` of them present at once: faults one by one cost more. What fills a good part of a
   huge page is one where the kernel has them: a single fault, and a single entry for whoever shadows page tables. */
static int map(char *place, size_t room, size_t size)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    void *mapped = mmap(place, room, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (mapped != place) {
        if (mapped != MAP_FAILED && munmap(mapped, room) == 0)
            errno = EEXIST; /* Linux before 4.17 takes the place for a hint */
        return -1;
    }
    if (room % HUGE == 0 && size >= WORTH)
        madvise(place, room, MADV_HUGEPAGE);
    madvise(place, size, MADV_POPULATE_WRITE);
    return 0;
}

/* syscall(2) within the caller's frame: the result or -errno. */
static inline __attribute__((always_inline)) long raw_call(long number, long a, long b)
{
#ifdef __x86_64__
    __asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b) : "rcx", "r11", "memory");
    return number;
#else
    register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1) : "memory");
    return x0;
#endif
}

static size_t whole(size_t size, size_t unit)
{
    return (size + unit - 1) / unit * unit;
}

/* Makes room for `size` more bytes. */
int arena_grow(size_t size)
{
    char *start = arena_mapped ? arena_mapped : (char *)arena;
    size_t room = whole(size, arena_mapped || size < WORTH ? GROWTH : HUGE);
    if (map(start, room, room % HUGE == 0 ? size : room))
        return -1;
    madvise(start, room, MADV_DONTFORK);
    arena_mapped = start + room;
    return 0;
}

/* A call that copies the process: clone(2), clone3(2). The child is given a copy of the region made in one go, where
   the kernel would copy it page by page, with a fault for each on both sides. What a child is born into, such as a
   cgroup with little memory, does not pay for it either. The child waits a little until its parent has let go of the copy:
   of a page that two have, the kernel would copy what is written to after all. */
long arena_fork(const long *call)
{
    size_t used = arena->next - (char *)arena, room = whole(2 * used, HUGE); /* a copy will fit too: arena_lend */
    int kind = MAP_SHARED | MAP_ANONYMOUS;
    volatile char *alone;
    if (map(COPY, room, used))
        return -errno;
    alone = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, kind, -1, 0);
    if (alone == MAP_FAILED) {
        long failure = -errno;
        munmap(COPY, room);
        return failure;
    }
    memcpy(COPY, arena, used);
    long pid = kernel_call(call);
    if (pid == 0) {
        for (int tries = 0; !*alone && tries < 1000; tries++)
            sched_yield();
        if (mremap(COPY, room, room, MREMAP_MAYMOVE | MREMAP_FIXED, arena) != arena)
            _exit(127);
        madvise(arena, room, MADV_DONTFORK);
        arena_mapped = (char *)arena + room;
        hole = NULL;
    } else {
        munmap(COPY, room);
        *alone = 1;
    }
    munmap((void *)alone, PAGE);
    return pid;
}

/* clone3(2) with CLONE_VM and CLONE_VFORK, which lends the region to a child. The child runs `body`, while its parent
   stands still until that executes a program or ends; then the region, and the stack from `frames` on, are as they were
   before. The region is copied within its huge page where there is room. The pidfd is left where its address would be,
   for the kernel writes it while the memory is lent. */
__attribute__((noinline)) long arena_lend(struct clone_args *args, char *frames, void (*body)(void *), void *argument)
{
    size_t used = arena->next - (char *)arena, depth = arena_stack - frames, room = whole(used + depth, PAGE);
    char *former = hole, *former_end = hole_end, *top = hole && arena->next <= hole ? hole : arena_mapped;
    /* What is a little more than half of the region becomes half of a larger one: another huge page costs more than that. */
    size_t missing = !hole && top - room < arena->next ? arena->next + room - top : 0;
    if (missing && missing <= WORTH && map(arena_mapped, missing, missing) == 0) {
        madvise(arena_mapped, missing, MADV_DONTFORK);
        top = arena_mapped += missing;
    }
    char *copy = top - room;
    int pidfd = -1, apart = copy < arena->next;
    if (apart && map(copy = KEPT, whole(room, HUGE), room))
        return -errno;
    if (apart) {
        madvise(copy, whole(room, HUGE), MADV_DONTFORK);
    } else {
        hole_end = top == hole ? hole_end : arena_mapped;
        hole = copy;
    }
    int level = ++lent;
    args->flags |= CLONE_VM | CLONE_VFORK | CLONE_PIDFD;
    args->pidfd = (uintptr_t)&pidfd;
    memcpy(copy, arena, used);
    memcpy(copy + used, frames, depth);
    /* No function may return between the two: the child uses the stack below this frame. */
    long pid = raw_call(SYS_clone3, (long)args, sizeof *args);
    if (pid == 0) {
        body(argument);
        _exit(127);
    }
    /* It was killed while it had lent the region on: somebody still runs in it, and nobody else may. */
    if (lent != level)
        _exit(127);
    memcpy(arena, copy, used);
    memcpy(frames, copy + used, depth);
    lent--;
    hole = former;
    hole_end = former_end;
    if (apart)
        munmap(copy, whole(room, HUGE));
    args->pidfd = pidfd;
    return pid;
}

/* The first block of new pages. */
static char *open_pages(size_t block)
{
    size_t size = whole(block + sizeof(struct page), PAGE);
    if (hole && arena->next < hole_end && (size_t)(hole - arena->next) < size)
        arena->next = hole_end;
    if ((size_t)(arena_mapped - arena->next) < size && arena_grow(size))
        return NULL;
    struct page *page = (struct page *)arena->next;
    arena->next += size;
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
    size_t block = usable(pointer);
    struct arena_class *own = &arena->classes[class_of(block)];
    if (block >= ROOM && (char *)pointer + block == arena->next) {
        /* The last pages: what is lent and copied becomes so much less. */
        arena->next = (char *)pointer - sizeof(struct page);
        return;
    }
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

/* A process that forks others which wait for years keeps its memory in a file as well, of which each has a mapping of its
   own: pages that are still the same there are one for all. */
#define SHARED ((char *)arena + 0x1000000000)
static size_t shared;

/* share(): lets those who are forked from now on, when they trim, have in common what does not differ. */
JSValue host_share(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    size_t used = whole(arena->next - (char *)arena, PAGE);
    int file = memfd_create("proa", MFD_CLOEXEC), flags = MAP_PRIVATE | MAP_FIXED_NOREPLACE;
    if (file >= 0 && write(file, arena, used) == (ssize_t)used &&
        mmap(SHARED, used, PROT_READ | PROT_WRITE, flags, file, 0) == SHARED)
        shared = used;
    close(file);
    return JS_NewBool(ctx, shared > 0);
}

/* Puts the region into the mapping of the file, and that in its place. */
static void settle(void)
{
    size_t used = whole(arena->next - (char *)arena, PAGE), common = shared;
    char *place = (char *)arena, *end = arena_mapped;
    if (used > common) {
        if (map(SHARED + common, used - common, used - common))
            return;
        memcpy(SHARED + common, place + common, used - common);
    }
    for (size_t at = 0; at < common; at += PAGE)
        if (memcmp(SHARED + at, place + at, PAGE))
            memcpy(SHARED + at, place + at, PAGE);
    /* Two mappings are moved one by one. Nothing may use the region until they are there. */
    int flags = MREMAP_MAYMOVE | MREMAP_FIXED;
    if (mremap(SHARED, common, common, flags, place) != place)
        abort();
    if (used > common && mremap(SHARED + common, used - common, used - common, flags, place + common) == MAP_FAILED)
        abort();
    munmap(place + used, end - (place + used));
    madvise(place, used, MADV_DONTFORK);
    arena_mapped = place + used;
    shared = 0;
}

/* deepen(): makes present what its caller will use, for who waits and will have to be quick then: the stack, which one
   access extends before the rest comes in one go, the rest of the region, and the code. Touched as well: where page
   tables are shadowed, the kernel's word that a page is there does not make it so. */
JSValue host_deepen(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    extern char __executable_start[], __start_bytecode[];
    char *stack = (char *)((uintptr_t)__builtin_frame_address(0) & ~(uintptr_t)(PAGE - 1)) - 48 * PAGE;
    *(volatile char *)stack = 0;
    madvise(stack, whole(arena_stack - stack, PAGE), MADV_POPULATE_WRITE);
    madvise(arena->next, arena_mapped - arena->next, MADV_POPULATE_WRITE);
    madvise(__executable_start, whole(__start_bytecode - __executable_start, PAGE), MADV_POPULATE_READ);
    for (char *page = stack; page < arena_stack; page += PAGE)
        *(volatile char *)page;
    for (char *page = __executable_start; page < __start_bytecode; page += PAGE)
        *(volatile char *)page;
    return JS_UNDEFINED;
}

/* trim(): gives the kernel memory that holds nothing: behind the last page, inside free blocks of several pages, and the
   stack below its caller. Nothing that was in it is there afterwards. For processes that wait for years. */
JSValue host_trim(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    if (shared)
        settle();
    madvise(arena->next, (hole ? hole : arena_mapped) - arena->next, MADV_DONTNEED);
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
