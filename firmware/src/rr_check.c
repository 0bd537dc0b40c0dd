#include "rr_check.h"

#include "rr_fixed.h"
#include "rr_tile.h"

enum { RR_FETCH_TRIES = 3, RR_CHECK_PIECE = 256 };

int32_t rr_flash_caught, rr_flash_bad;
static int32_t rr_tries; /* how often the transfer at hand arrived damaged */

void rr_check_begin(void)
{
    rr_flash_caught = rr_flash_bad = rr_tries = 0;
}

/* Two words; every step can be undone, so two sums that differ, or two words, never become one. */
static inline uint32_t rr_two_more(uint32_t sum, const uint8_t *at)
{
    sum = sum * 2654435761u + rr_load_word(at);
    return rr_load_word(at + 4) ^ (sum << 13 | sum >> 19);
}

/* Twin of mcusim/checksum.py; inlined, for many transfers are short. */
static inline uint32_t rr_word_sum(uint32_t sum, const void *bytes_at, uint32_t bytes)
{
#if defined(__GNUC__)
    const uint8_t *at = __builtin_assume_aligned(bytes_at, 4);
#else
    const uint8_t *at = bytes_at;
#endif
    for (; bytes >= 32; bytes -= 32, at += 32) {
        sum = rr_two_more(sum, at);
        sum = rr_two_more(sum, at + 8);
        sum = rr_two_more(sum, at + 16);
        sum = rr_two_more(sum, at + 24);
    }
    for (; bytes >= 8; bytes -= 8, at += 8) sum = rr_two_more(sum, at);
    if (bytes) {
        uint8_t last[8] = {0};
        for (uint32_t i = 0; i < bytes; i++) last[i] = at[i];
        sum = rr_two_more(sum, last);
    }
    return sum;
}

int32_t rr_damaged(const void *at, uint32_t bytes, uint32_t wanted)
{
    if (rr_word_sum(0, at, bytes) == wanted) {
        rr_tries = 0;
        return 0;
    }
    rr_flash_caught++;
    if (++rr_tries < RR_FETCH_TRIES) return 1;
    rr_tries = 0;
    rr_flash_bad = 1;
    return 0;
}

int32_t rr_image_damaged(const uint8_t *image, uint32_t bytes, uint32_t wanted)
{
    static uint32_t piece[RR_CHECK_PIECE / 4];
    for (int32_t tries = 0; tries < RR_FETCH_TRIES; tries++) {
        uint32_t sum = 0;
        for (uint32_t at = 0; at < bytes; at += RR_CHECK_PIECE) {
            const uint32_t count = bytes - at < RR_CHECK_PIECE ? bytes - at : RR_CHECK_PIECE;
            rr_fetch(piece, image + at, count);
            sum = rr_word_sum(sum, piece, count);
        }
        if (sum == wanted) return 0;
        rr_flash_caught++;
    }
    rr_flash_bad = 1;
    return 1;
}
