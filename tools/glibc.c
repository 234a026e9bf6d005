/* What the libraries call in place of printf's functions, compiled for glibc with _FORTIFY_SOURCE as they are: the same,
   with a size that the compiler knows of. tools/musl.mjs. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

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
