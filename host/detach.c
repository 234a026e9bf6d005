/* A container's process is, until it executes its own program, a process of this binary, and /proc/PID/exe of it is a
   way from inside the container to the file (CVE-2019-5736). So a runtime executes itself once more from a detached,
   read-only clone of the mount: opening that for writing fails with EROFS for everybody, and the clone, which is in no
   mount namespace, cannot be remounted. Where mounts may not be cloned, a sealed copy in memory serves.

   It is C because it comes before the interpreter: a second start of that would cost ten times as much. */
#define _GNU_SOURCE
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int is_detached(int self)
{
    struct statfs mount;
    if (fstatfs(self, &mount) == 0 && (mount.f_flags & ST_RDONLY))
        return 1;
    int seals = fcntl(self, F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_WRITE);
}

static int cloned_mount(void)
{
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
    int tree = syscall(SYS_open_tree, AT_FDCWD, "/proc/self/exe", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree < 0)
        return -1;
    if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0)
        return tree;
    close(tree);
    return -1;
}

static int sealed_copy(int self)
{
    struct stat file;
    int copy = memfd_create("proa", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (copy < 0)
        return -1;
    off_t at = 0;
    if (fstat(self, &file) == 0) {
        while (at < file.st_size && sendfile(copy, self, &at, file.st_size - at) > 0)
            ;
        if (at == file.st_size && fcntl(copy, F_ADD_SEALS, SEALS) == 0)
            return copy;
    }
    close(copy);
    return -1;
}

void detach(char **argv)
{
    int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (self >= 0 && !is_detached(self)) {
        int file = cloned_mount();
        if (file < 0)
            file = sealed_copy(self);
        if (file >= 0)
            syscall(SYS_execveat, file, "", argv, environ, AT_EMPTY_PATH);
        self = -1;
    }
    if (self < 0) {
        fprintf(stderr, "%s: cannot run from a copy of its own binary that containers cannot write to: %s\n", argv[0],
                strerror(errno));
        exit(1);
    }
    close(self);
}
