/* Bytes into text that stands in other text: the one loop over bytes that no library has, and that an interpreter is too
   slow for. What is written instead of which byte is up to the caller. */
#include "host.h"

/* Bytes of the UTF-8 sequence that begins at `bytes`, of which `left` may be read; 0 where there is none. Neither longer
   forms than needed, nor surrogates, nor beyond U+10FFFF: Unicode, table 3-7. */
static size_t sequence(const uint8_t *bytes, size_t left)
{
    uint8_t first = bytes[0], low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    int right = length <= left && (length < 2 || (bytes[1] >= low && bytes[1] <= high));
    for (size_t i = 2; right && i < length; i++)
        right = (bytes[i] & 0xc0) == 0x80;
    return right ? length : 0;
}

/* Writes `length` bytes to `out`, and for each ASCII letter that has one its word: where that is, and of how many bytes.
   What is no UTF-8 has the word of 0xff, byte by byte. How many bytes that makes; -1 if they are more than `room`. */
long text_replace(const uint8_t *from, size_t length, uint8_t *out, size_t room, const uint64_t (*words)[2])
{
    static const uint64_t none[2];
    const uint8_t *end = from + length, *last = out + room, *begin = out;
    for (size_t size, written; from < end; from += size, out += written) {
        const uint64_t *word = none;
        for (size = 0; from + size < end && from[size] < 0x80 && !words[from[size]][0]; size++)
            ;
        if (size == 0) {
            size = sequence(from, end - from);
            word = words[size ? *from : 0xff];
            size += !size;
        }
        written = word[0] ? word[1] : size;
        if (written > (size_t)(last - out))
            return -1;
        memcpy(out, word[0] ? (const uint8_t *)word[0] : from, written);
    }
    return out - begin;
}
