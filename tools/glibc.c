/* Where musl is not what Debian's libraries, compiled for glibc, rely on: tools/musl.mjs. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* musl sends its signal to the thread that it knows, which in a child of a raw clone(2) is still the parent. */
void abort(void)
{
    __builtin_trap();
}

/* With _FORTIFY_SOURCE, printf's functions are called with a size that the compiler knows of. */

int __vsnprintf_chk(char *out, size_t size, int flag, size_t room, const char *format, va_list values)
{
    if (size > room)
        abort();
    return vsnprintf(out, size, format, values);
}

int __snprintf_chk(char *out, size_t size, int flag, size_t room, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int written = __vsnprintf_chk(out, size, flag, room, format, values);
    va_end(values);
    return written;
}

int __fprintf_chk(FILE *file, int flag, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int written = vfprintf(file, format, values);
    va_end(values);
    return written;
}
