/* Starting without loading. The build runs a program up to the call of its main(), and appends its memory to the binary
   (tools/snapshot.mjs); a start copies that to the same address, in a tenth of the time that reading and evaluating
   bytecode takes. Pointers from it into the binary, which is not at the same address, are listed and moved. */
#include "host.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* One program's memory: at `offset` of the file `size` bytes, then `pointers` offsets into them of 32 bits. */
struct snapshot {
    char entry[32];
    uint64_t offset, size, pointers;
};

/* The last bytes of the file; before them, `count` snapshots. */
struct footer {
    char magic[8];
    uint64_t count;
};

/* Copied rather than mapped: half of the pages are written to sooner or later, and each would cost a fault then. */
static int copy(int file, const struct snapshot *snapshot)
{
    size_t whole = snapshot->size + snapshot->pointers * 4;
    if (arena_grow(whole) || pread(file, arena, whole, snapshot->offset) != (ssize_t)whole)
        return -1;
    /* The list lies where new blocks go: it is used up before there are any. */
    const uint32_t *pointers = (const uint32_t *)((char *)arena + snapshot->size);
    ptrdiff_t moved = (const char *)programs - (const char *)arena->image;
    for (uint64_t i = 0; i < snapshot->pointers; i++)
        *(uint64_t *)((char *)arena + pointers[i]) += moved;
    memset((char *)arena + snapshot->size, 0, whole - snapshot->size);
    return 0;
}

int restore(const char *entry)
{
    struct footer footer;
    struct snapshot snapshot;
    int status = -1, file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    off_t at = lseek(file, 0, SEEK_END) - (off_t)sizeof footer;

    if (pread(file, &footer, sizeof footer, at) == sizeof footer && memcmp(footer.magic, "PROASNAP", 8) == 0)
        while (status && footer.count-- > 0) {
            at -= sizeof snapshot;
            if (pread(file, &snapshot, sizeof snapshot, at) != sizeof snapshot)
                break;
            if (strncmp(snapshot.entry, entry, sizeof snapshot.entry) == 0)
                status = copy(file, &snapshot);
        }
    close(file);
    return status;
}
