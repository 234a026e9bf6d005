/* Compressed streams, piece by piece. A process decompresses one at a time, which is what the state here is of; it is
   allocated for the first and kept for the next. */
#include "host.h"

#include <string.h>
#include <zlib.h>
#include <zstd.h>

/* src/native/sys/decompress.ts names these fields; the last three are the answer. */
struct piece {
    uint32_t from, to, room, begins, consumed, produced, ended;
};

/* Each answers what is wrong with the stream, or NULL. */
static const char *gunzip(struct piece *piece, uint8_t *input, uint8_t *output)
{
    static z_stream z;
    static int made;
    if (!made && inflateInit2(&z, MAX_WBITS + 16) != Z_OK)
        return "not enough memory";
    if (made && piece->begins && inflateReset(&z) != Z_OK)
        return "its state is damaged";
    made = 1;
    z.next_in = input + piece->from;
    z.avail_in = piece->to - piece->from;
    z.next_out = output;
    z.avail_out = piece->room;
    int result = inflate(&z, Z_NO_FLUSH);
    piece->consumed = piece->to - piece->from - z.avail_in;
    piece->produced = piece->room - z.avail_out;
    piece->ended = result == Z_STREAM_END;
    /* Z_BUF_ERROR: there was nothing to be done. */
    if (result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR)
        return NULL;
    return z.msg ? z.msg : "not enough memory";
}

static const char *unzstd(struct piece *piece, uint8_t *input, uint8_t *output)
{
    static ZSTD_DCtx *context;
    if (!context && !(context = ZSTD_createDCtx()))
        return "not enough memory";
    if (piece->begins)
        ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
    ZSTD_inBuffer in = {.src = input, .size = piece->to, .pos = piece->from};
    ZSTD_outBuffer out = {.dst = output, .size = piece->room};
    size_t left = ZSTD_decompressStream(context, &out, &in);
    piece->consumed = (uint32_t)in.pos - piece->from;
    piece->produced = (uint32_t)out.pos;
    piece->ended = left == 0;
    return ZSTD_isError(left) ? ZSTD_getErrorName(left) : NULL;
}

/* decompress(zstd, piece, input, output): goes on in `input` until that or the room in `output` is used up, or a gzip
   member or zstd frame ends. Answers what is wrong, or undefined. */
JSValue host_decompress(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    size_t size, from, room;
    uint8_t *fields = bytes_of(ctx, argv[1], &size), *input = fields ? bytes_of(ctx, argv[2], &from) : NULL;
    uint8_t *output = input ? bytes_of(ctx, argv[3], &room) : NULL;
    struct piece piece;
    if (!output)
        return JS_EXCEPTION;
    if (size != sizeof piece)
        return JS_ThrowRangeError(ctx, "decompress: the piece has another size");
    memcpy(&piece, fields, sizeof piece);
    if (piece.from > piece.to || piece.to > from || piece.room > room)
        return JS_ThrowRangeError(ctx, "decompress: a length is outside its array");
    const char *wrong = (JS_ToBool(ctx, argv[0]) ? unzstd : gunzip)(&piece, input, output);
    memcpy(fields, &piece, sizeof piece);
    return wrong ? JS_NewString(ctx, wrong) : JS_UNDEFINED;
}
