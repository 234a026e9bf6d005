/* Pure functions on bytes whose loops are too slow in an interpreter. What a record looks like is up to the caller. */
#include "host.h"

#include <math.h>
#include <string.h>
#include <zlib.h>

/* All writing goes through put(). What does not fit makes `length` larger than `room`, and nothing more is written. */
struct output {
    uint8_t *bytes;
    size_t length, room;
};

static void put(struct output *out, const void *bytes, size_t length)
{
    if (out->length <= out->room && length <= out->room - out->length) {
        memmove(out->bytes + out->length, bytes, length); /* the caller may have given one array twice */
        out->length += length;
    } else
        out->length = SIZE_MAX;
}

/* Bytes of the UTF-8 sequence that begins at `bytes`, of which `left` may be read; 0 where there is none. */
static size_t sequence(const uint8_t *bytes, size_t left)
{
    uint8_t first = bytes[0];
    size_t length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    /* Neither longer forms than needed, nor surrogates, nor beyond U+10FFFF. */
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    int right = length > 0 && length <= left && bytes[1] >= low && bytes[1] <= high;
    for (size_t i = 2; right && i < length; i++)
        right = (bytes[i] & 0xc0) == 0x80;
    return right ? length : 0;
}

/* As Docker writes a JSON string: Go's encoding/json, but with \t as \u0009. */
static void put_escaped(struct output *out, const uint8_t *bytes, size_t length)
{
    /* A bit for each byte that is not written as it is: controls, " & < > \ and all that is not ASCII. */
    static const uint64_t special[4] = {0x50000044ffffffff, 0x0000000010000000, ~0ull, ~0ull};
    static const char hex[] = "0123456789abcdef";
    size_t start = 0, size;
    for (size_t at = 0; at < length; at += size) {
        uint8_t byte = bytes[at];
        size = 1;
        if (!(special[byte >> 6] >> (byte & 63) & 1))
            continue;
        char text[] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15], 0}, brief = 0;
        if (byte >= 0x80) {
            size = sequence(bytes + at, length - at);
            int separator = size == 3 && byte == 0xe2 && bytes[at + 1] == 0x80 && (bytes[at + 2] & 0xfe) == 0xa8;
            if (size > 0 && !separator)
                continue;
            memcpy(text, size == 0 ? "\\ufffd" : bytes[at + 2] & 1 ? "\\u2029" : "\\u2028", 6);
            size += size == 0;
        } else
            brief = byte == '"' || byte == '\\' ? (char)byte : byte == '\n' ? 'n' : byte == '\r' ? 'r' : 0;
        text[1] = brief ? brief : 'u';
        put(out, bytes + start, at - start);
        put(out, text, brief ? 2 : 6);
        start = at + size;
    }
    put(out, bytes + start, length - start);
}

/* frame(job, input, output, dressing): turns lines of `input` into records in `output`, from `at` on. `dressing` holds
   what stands before and after a whole line, then the same for a piece of one. A line of more than `piece` bytes becomes
   pieces; what is left without a newline waits for its end, unless `flush`. Stops before a record that does not fit. */
JSValue host_frame(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    /* src/native/sys/framing.ts names these fields; the last three are the answer. */
    struct {
        uint32_t from, to, at, room, piece, before, after, piece_before, escape, flush, consumed, produced, full;
    } job;
    uint8_t *arrays[4];
    size_t lengths[4];
    for (int i = 0; i < 4; i++)
        if (!(arrays[i] = bytes_of(ctx, argv[i], &lengths[i])))
            return JS_EXCEPTION;
    if (lengths[0] != sizeof job)
        return JS_ThrowRangeError(ctx, "frame: the job has another size");
    memcpy(&job, arrays[0], sizeof job);
    uint64_t dressed = (uint64_t)job.before + job.after + job.piece_before;
    if (job.from > job.to || job.to > lengths[1] || job.at > job.room || job.room > lengths[2] ||
        dressed > lengths[3] || job.piece < 4)
        return JS_ThrowRangeError(ctx, "frame: a length is outside its array");

    struct output out = {.bytes = arrays[2], .length = job.at, .room = job.room};
    const uint8_t *after = arrays[3] + job.before, *piece_before = after + job.after;
    job.consumed = 0;
    job.produced = job.at;
    for (size_t at = job.from, left; (left = job.to - at) > 0; job.consumed = at - job.from) {
        size_t length = left <= job.piece ? left : job.piece;
        const uint8_t *line = arrays[1] + at, *newline = memchr(line, '\n', length + (left > length));
        if (!newline && left == length && !job.flush)
            break;
        if (newline)
            length = newline - line;
        else if (left > length && job.escape) /* no UTF-8 sequence is parted: back to where one begins */
            for (int back = 0; back < 4 && (line[length] & 0xc0) == 0x80; back++)
                length = back < 3 ? length - 1 : job.piece;
        put(&out, newline ? arrays[3] : piece_before, newline ? job.before : job.piece_before);
        if (job.escape)
            put_escaped(&out, line, length);
        else
            put(&out, line, length);
        put(&out, newline ? after : piece_before + job.piece_before, newline ? job.after : lengths[3] - dressed);
        if (out.length > out.room)
            break;
        job.produced = out.length;
        at += length + (newline != NULL);
    }
    job.full = out.length > out.room;
    memcpy(arrays[0], &job, sizeof job);
    return JS_UNDEFINED;
}

/* gzip(level, input, output): the input as one complete gzip member: its size, or 0 where `output` is too small or memory
   lacks. Members one after the other are a gzip file. */
JSValue host_gzip(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    size_t from, room;
    int32_t level;
    if (JS_ToInt32(ctx, &level, argv[0]))
        return JS_EXCEPTION;
    uint8_t *input = bytes_of(ctx, argv[1], &from), *output = input ? bytes_of(ctx, argv[2], &room) : NULL;
    if (!output)
        return JS_EXCEPTION;
    z_stream z = {.next_in = input, .avail_in = (uInt)from, .next_out = output, .avail_out = (uInt)room};
    if (z.avail_in != from || z.avail_out != room)
        return JS_ThrowRangeError(ctx, "gzip: an array is too long");
    if (deflateInit2(&z, level, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return JS_NewInt32(ctx, 0);
    int whole = deflate(&z, Z_FINISH) == Z_STREAM_END;
    deflateEnd(&z);
    return JS_NewInt64(ctx, whole ? (int64_t)z.total_out : 0);
}

/* An octal number after spaces, ended by a space, NUL or the end of its field; NaN for anything else. */
static double octal(const uint8_t *field, int length)
{
    uint64_t value = 0;
    int i = 0;
    while (i < length && field[i] == ' ')
        i++;
    for (; i < length && field[i] >= '0' && field[i] <= '7'; i++)
        value = value * 8 + (field[i] - '0'); /* twelve digits at most */
    return i == length || field[i] == ' ' || field[i] == 0 ? (double)value : NAN;
}

/* scan(bytes, at, out): what src/common/tar/scan.ts says of the header of a tar entry. */
JSValue host_scan(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    enum { BLOCK = 512, CHECKSUM = 148 };
    static const uint8_t places[][2] = {{100, 8}, {108, 8}, {116, 8}, {124, 12}, {136, 12}, {CHECKSUM, 8}};
    double out[1 + sizeof places / sizeof *places];
    size_t length, room;
    uint32_t at, sum = 8 * ' ';
    uint8_t *bytes = bytes_of(ctx, argv[0], &length), *output = bytes ? bytes_of(ctx, argv[2], &room) : NULL;
    if (!output || JS_ToUint32(ctx, &at, argv[1]))
        return JS_EXCEPTION;
    if (at > length || length - at < BLOCK || room != sizeof out)
        return JS_ThrowRangeError(ctx, "scan: a length is outside its array");
    bytes += at;
    for (int i = 0; i < BLOCK; i++)
        sum += bytes[i];
    for (int i = CHECKSUM; i < CHECKSUM + 8; i++)
        sum -= bytes[i];
    out[0] = sum;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        out[i + 1] = octal(bytes + places[i][0], places[i][1]);
    memcpy(output, out, sizeof out);
    return JS_UNDEFINED;
}
