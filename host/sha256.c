/* SHA-256 of whole blocks: FIPS 180-4, section 6.2. Padding and what a digest looks like are up to the caller. */
#include "host.h"

#include <string.h>

enum { BLOCK = 64 };

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t turned(uint32_t word, int bits)
{
    return word >> bits | word << (32 - bits);
}

static void plain(uint32_t state[8], const uint8_t *data, size_t count)
{
    for (; count > 0; count--, data += BLOCK) {
        uint32_t w[64], s[8];
        for (int i = 0; i < 16; i++)
            w[i] = (uint32_t)data[4 * i] << 24 | data[4 * i + 1] << 16 | data[4 * i + 2] << 8 | data[4 * i + 3];
        for (int i = 16; i < 64; i++) {
            uint32_t early = turned(w[i - 15], 7) ^ turned(w[i - 15], 18) ^ w[i - 15] >> 3;
            uint32_t late = turned(w[i - 2], 17) ^ turned(w[i - 2], 19) ^ w[i - 2] >> 10;
            w[i] = w[i - 16] + early + w[i - 7] + late;
        }
        memcpy(s, state, sizeof s);
        for (int i = 0; i < 64; i++) {
            uint32_t e = turned(s[4], 6) ^ turned(s[4], 11) ^ turned(s[4], 25);
            uint32_t first = s[7] + e + ((s[4] & s[5]) ^ (~s[4] & s[6])) + constants[i] + w[i];
            uint32_t a = turned(s[0], 2) ^ turned(s[0], 13) ^ turned(s[0], 22);
            uint32_t second = a + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
            memmove(s + 1, s, 7 * sizeof *s);
            s[4] += first;
            s[0] = first + second;
        }
        for (int i = 0; i < 8; i++)
            state[i] += s[i];
    }
}

#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>

/* Leaf 7: "SHA"; the shuffles need SSE4.1, which every processor with it has. Asked once: a virtual machine leaves for its
   host to answer. */
static int is_fast(void)
{
    static int answer = -1;
    unsigned a, b, c, d;
    if (answer < 0)
        answer = __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & bit_SHA;
    return answer;
}

__attribute__((target("sha,sse4.1"))) static void fast(uint32_t state[8], const uint8_t *data, size_t count)
{
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    /* In the order that the instructions want. */
    __m128i abef = _mm_set_epi32(state[0], state[1], state[4], state[5]);
    __m128i cdgh = _mm_set_epi32(state[2], state[3], state[6], state[7]);
    for (; count > 0; count--, data += BLOCK) {
        __m128i w[4], a = abef, c = cdgh;
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            __m128i *now = &w[i % 4], before = w[(i + 3) % 4];
            if (i < 4)
                *now = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)data + i), big_endian);
            else {
                __m128i early = _mm_sha256msg1_epu32(*now, w[(i + 1) % 4]);
                __m128i seven = _mm_alignr_epi8(before, w[(i + 2) % 4], 4);
                *now = _mm_sha256msg2_epu32(_mm_add_epi32(early, seven), before);
            }
            __m128i sum = _mm_add_epi32(*now, _mm_load_si128((const __m128i *)constants + i));
            c = _mm_sha256rnds2_epu32(c, a, sum);
            a = _mm_sha256rnds2_epu32(a, c, _mm_shuffle_epi32(sum, 0x0e));
        }
        abef = _mm_add_epi32(abef, a);
        cdgh = _mm_add_epi32(cdgh, c);
    }
    uint32_t high[4], low[4];
    _mm_storeu_si128((__m128i *)high, abef);
    _mm_storeu_si128((__m128i *)low, cdgh);
    const uint32_t sorted[8] = {high[3], high[2], low[3], low[2], high[1], high[0], low[1], low[0]};
    memcpy(state, sorted, sizeof sorted);
}
#else
static int is_fast(void)
{
    return 0;
}
#define fast plain
#endif

/* sha256(state, bytes, from, to): takes the blocks of `bytes` from `from` to `to` into the eight words of `state`. */
JSValue host_sha256(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv)
{
    size_t size, length;
    uint32_t from, to, state[8];
    uint8_t *words = bytes_of(ctx, argv[0], &size), *bytes = words ? bytes_of(ctx, argv[1], &length) : NULL;
    if (!bytes || JS_ToUint32(ctx, &from, argv[2]) || JS_ToUint32(ctx, &to, argv[3]))
        return JS_EXCEPTION;
    if (size != sizeof state || from > to || to > length || (to - from) % BLOCK != 0)
        return JS_ThrowRangeError(ctx, "sha256: a length is outside its array, or no whole blocks");
    memcpy(state, words, sizeof state);
    (is_fast() ? fast : plain)(state, bytes + from, (to - from) / BLOCK);
    memcpy(words, state, sizeof state);
    return JS_UNDEFINED;
}
