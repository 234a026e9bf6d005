/* Starting without loading. The build runs a program up to the call of its main(), and appends its memory to the binary
   (tools/snapshot.mjs); a start reads that back in a tenth of the time that reading and evaluating bytecode takes.
   The region is always at the same address; pointers from it into the binary, which is not, are listed and moved. */
#include "host.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Before each snapshot: what follows is `size` bytes of memory, then `pointers` offsets into it of 32 bits. */
struct snapshot {
    char entry[32];
    uint64_t size, pointers;
};

/* The last bytes of the file. */
struct footer {
    char magic[8];
    uint64_t start;
};

static int read_whole(int file, void *buffer, size_t size, off_t at)
{
    return pread(file, buffer, size, at) == (ssize_t)size ? 0 : -1;
}

static int restore_from(int file, const char *entry)
{
    struct footer footer;
    struct snapshot head;
    off_t end = lseek(file, 0, SEEK_END) - (off_t)sizeof footer;

    if (end < 0 || read_whole(file, &footer, sizeof footer, end) || memcmp(footer.magic, "PROASNAP", 8) != 0)
        return -1;
    for (off_t at = footer.start;; at += sizeof head + head.size + head.pointers * 4) {
        if (at >= end || read_whole(file, &head, sizeof head, at))
            return -1;
        if (strncmp(head.entry, entry, sizeof head.entry) != 0)
            continue;
        /* The offsets are read to behind the memory, where they are overwritten by what is allocated next. */
        size_t whole = head.size + head.pointers * 4;
        if (arena_grow(whole) || read_whole(file, arena, whole, at + sizeof head))
            return -1;
        const uint32_t *pointers = (const uint32_t *)((char *)arena + head.size);
        ptrdiff_t moved = (const char *)programs - (const char *)arena->image;
        for (uint64_t i = 0; i < head.pointers; i++)
            *(uint64_t *)((char *)arena + pointers[i]) += moved;
        memset((char *)arena + head.size, 0, head.pointers * 4);
        return 0;
    }
}

int restore(const char *entry)
{
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return -1;
    int status = restore_from(file, entry);
    close(file);
    return status;
}
