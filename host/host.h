/* What the build hands to the host: programs by name, and bytecode by name. Both tables end with a null name. */
#ifndef PROA_HOST_H
#define PROA_HOST_H

#include <quickjs/quickjs.h>
#include <stddef.h>
#include <stdint.h>

struct blob {
    const char *name;
    const uint8_t *start;
    const uint8_t *end;
};

/* `detached`: the program runs from a read-only copy of its own mount, so that nothing that it starts
   can write to the binary through /proc/PID/exe. */
struct program {
    const char *name;
    const char *entry;
    int detached;
};

extern const JSMallocFunctions arena;
/* Runs the program again from a copy of its file that nobody can write to; returns when it is that already. */
void detach(char **argv);

extern const struct blob blobs[];
extern const struct program programs[];

#endif
