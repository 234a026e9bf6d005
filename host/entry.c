/* Where a process of the binary begins: before the C library, whose start would be paid for twice otherwise.

   A container's process is, until it executes its own program, a process of this binary, and /proc/PID/exe of it is a
   way from inside the container to the file (CVE-2019-5736). So a runtime executes itself once more from a detached,
   read-only clone of the mount: opening that for writing fails with EROFS for everybody, and the clone, which is in no
   mount namespace, cannot be remounted. Where mounts may not be cloned, a sealed copy in memory serves.

   Nothing here may need relocation, a stack guard or the library: none of them is ready yet. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#define EARLY __attribute__((no_stack_protector, optimize("no-tree-loop-distribute-patterns")))
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

#ifdef __x86_64__
__asm__(".globl entry\nentry: mov %rsp, %rbx\n mov %rsp, %rdi\n and $-16, %rsp\n call begin\n mov %rbx, %rsp\n"
        " xor %edx, %edx\n jmp _start");
#else
__asm__(".globl entry\nentry: mov x0, sp\n bl begin\n mov x0, #0\n b _start");
#endif

/* syscall(2): the result or -errno. */
EARLY static long call(long number, long a, const void *b, long c, const void *d, long e)
{
#ifdef __x86_64__
    register const void *r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    __asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
    return number;
#else
    register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x2 __asm__("x2") = c, x4 __asm__("x4") = e;
    register const void *x1 __asm__("x1") = b, *x3 __asm__("x3") = d;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
#endif
}

EARLY static int is_detached(long self)
{
    struct statfs mount;
    if (call(SYS_fstatfs, self, &mount, 0, 0, 0) == 0 && (mount.f_flags & ST_RDONLY))
        return 1;
    long seals = call(SYS_fcntl, self, (void *)F_GET_SEALS, 0, 0, 0);
    return seals >= 0 && (seals & F_SEAL_WRITE);
}

EARLY static long cloned_mount(void)
{
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
    long tree = call(SYS_open_tree, AT_FDCWD, "/proc/self/exe", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC, 0, 0);
    if (tree < 0 || call(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0)
        return tree;
    call(SYS_close, tree, 0, 0, 0, 0);
    return -1;
}

EARLY static long sealed_copy(long self)
{
    struct stat file;
    long sent = 1, copy = call(SYS_memfd_create, (long)"proa", (void *)(MFD_CLOEXEC | MFD_ALLOW_SEALING), 0, 0, 0);
    if (copy < 0 || call(SYS_fstat, self, &file, 0, 0, 0))
        return -1;
    for (off_t left = file.st_size; left > 0 && sent > 0; left -= sent)
        sent = call(SYS_sendfile, copy, (void *)self, 0, (void *)left, 0);
    return sent > 0 && call(SYS_fcntl, copy, (void *)F_ADD_SEALS, SEALS, 0, 0) == 0 ? copy : -1;
}

EARLY static const char *behind(const char *word)
{
    while (*word)
        word++;
    return word + 1;
}

EARLY static int same(const char *a, const char *b)
{
    for (; *a && *a == *b; a++)
        b++;
    return *a == *b;
}

/* Whether this program starts containers. `detached` lists those that do, each with the commands that do, or with none
   if it always does; each word and each list ends with NUL. */
EARLY static int must_detach(char **argv)
{
    extern const char detached[] __attribute__((visibility("hidden")));
    const char *base = argv[0], *at = detached;
    for (const char *c = base; *c; c++)
        if (*c == '/')
            base = c + 1;
    for (int named; *at; at++) {
        named = same(at, base);
        at = behind(at);
        if (named && !*at)
            return 1;
        for (; *at; at = behind(at))
            for (char **word = argv + 1; named && *word; word++)
                if (same(at, *word))
                    return 1;
    }
    return 0;
}

/* `stack` is how the kernel hands a program its arguments: their count, then they, null, the environment, null. */
EARLY __attribute__((used, visibility("hidden"))) void begin(long *stack)
{
    static const char failure[] = "proa: cannot run from a copy of its own binary that containers cannot write to\n";
    char **argv = (char **)(stack + 1);
    if (*stack < 1 || !must_detach(argv))
        return;
    long self = call(SYS_openat, AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC, 0, 0);
    if (self >= 0 && is_detached(self)) {
        call(SYS_close, self, 0, 0, 0, 0);
        return;
    }
    long file = cloned_mount();
    if (file < 0)
        file = sealed_copy(self);
    call(SYS_execveat, file, "", (long)argv, argv + *stack + 1, AT_EMPTY_PATH);
    call(SYS_write, 2, failure, sizeof failure - 1, 0, 0);
    for (;;)
        call(SYS_exit_group, 1, 0, 0, 0, 0);
}
