/* Lines into log records: loops over bytes that are too slow in an interpreter. What a record looks like is up to the
   caller. */
#include "host.h"

#include <string.h>

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
