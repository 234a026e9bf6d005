/* Where a process of the binary begins: before the C library, whose start would be paid for twice otherwise.

   A container's process is, until it executes its own program, a process of this binary, and /proc/PID/exe of it is a
   way from inside the container to the file (CVE-2019-5736). So a runtime executes itself once more from a detached,
   read-only clone of the mount: opening that for writing fails with EROFS for everybody, and the clone, which is in no
   mount namespace, cannot be remounted. This is the quick way; src/native/sys/detached.ts makes sure, and knows another.

   Nothing here may need relocation, a stack guard or the library: none of them is ready yet. */
#include "host.h"

#define EARLY __attribute__((no_stack_protector, optimize("no-tree-loop-distribute-patterns")))

#ifdef __x86_64__
__asm__(".globl entry\nentry: mov %rsp, %rbx\n mov %rsp, %rdi\n and $-16, %rsp\n call begin\n mov %rbx, %rsp\n"
        " xor %edx, %edx\n jmp _start");
#else
__asm__(".globl entry\nentry: mov x0, sp\n bl begin\n mov x0, #0\n b _start");
#endif

EARLY static int same(const char *a, const char *b)
{
    for (; *a && *a == *b; a++)
        b++;
    return *a == *b;
}

EARLY const struct program *program_called(const char *path)
{
    const char *name = path;
    for (; *path; path++)
        name = *path == '/' ? path + 1 : name;
    for (const struct program *program = programs; program->name[0]; program++)
        if (same(program->name, name))
            return program;
    return programs;
}

EARLY static int must_detach(char **argv)
{
    const char(*command)[sizeof programs->detached[0]] = program_called(argv[0])->detached;
    for (; **command && !same(*command, "*"); command++)
        for (char **word = argv + 1; *word; word++)
            if (same(*command, *word))
                return 1;
    return **command == '*';
}

/* `stack` is how the kernel hands a program its arguments: their count, then they, null, the environment, null. */
EARLY __attribute__((used)) HIDDEN void begin(long *stack)
{
    const long argv = (long)(stack + 1), self = (long)"/proc/self/exe", none = (long)"";
    struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
    struct statfs mount;
    if (*stack < 1 || !must_detach((char **)argv) || kernel(SYS_statfs, self, (long)&mount, 0, 0, 0, 0) ||
        (mount.f_flags & ST_RDONLY))
        return;
    long tree = kernel(SYS_open_tree, AT_FDCWD, self, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC, 0, 0, 0);
    if (!kernel(SYS_mount_setattr, tree, none, AT_EMPTY_PATH, (long)&read_only, sizeof read_only, 0))
        kernel(SYS_execveat, tree, none, argv, (long)(stack + *stack + 2), AT_EMPTY_PATH, 0);
}
