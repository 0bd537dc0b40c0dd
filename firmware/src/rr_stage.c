/* Staging of rows that every token reads. */
#include "rr_abi.h"
#include "rr_dot.h"
#include "rr_fixed.h"

#if defined(RR_KERNEL_DSP)
#include <arm_acle.h>
#elif defined(RR_KERNEL_MVE)
#include <arm_mve.h>
#endif

rr_staging rr_stage;

#if defined(RR_KERNEL_DSP)

static inline int16x2_t rr_odd_bytes(uint32_t bytes)
{
    int16x2_t halves;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(halves) : "r"(bytes));
    return halves;
}

/* The whole words of a row of int8 codes; returns how many codes that were. */
static int32_t rr_stage_words_s8(const int8_t *from, int32_t k, int32_t row)
{
    rr_staged *to = rr_stage.rows + RR_STAGED_AT(row, 0);
    int32_t i = 0;
    for (; i + 4 <= k; i += 4, to += 8) {
        const uint32_t bytes = rr_load_word(from + i);
        const int16x2_t even = __sxtb16((int8x4_t)bytes), odd = rr_odd_bytes(bytes);
        __builtin_memcpy(to, &even, 4);
        __builtin_memcpy(to + 2, &odd, 4);
    }
    return i;
}

/* The same for nibbles that begin a byte, four from two bytes. */
static int32_t rr_stage_words_s4(const uint8_t *from, int32_t k, int32_t row)
{
    const uint32_t lows = 0x000F000Fu, signs = 0x00080008u;
    rr_staged *to = rr_stage.rows + RR_STAGED_AT(row, 0);
    int32_t i = 0;
    for (; i + 4 <= k; i += 4, from += 2, to += 8) {
        const uint32_t bytes = (uint32_t)from[0] | (uint32_t)from[1] << 16;
        const int16x2_t even = __ssub16((int16x2_t)((bytes & lows) ^ signs), (int16x2_t)signs);
        const int16x2_t odd = __ssub16((int16x2_t)((bytes >> 4 & lows) ^ signs), (int16x2_t)signs);
        __builtin_memcpy(to, &even, 4);
        __builtin_memcpy(to + 2, &odd, 4);
    }
    return i;
}

#elif defined(RR_KERNEL_MVE)

/* The last vector of a row ends in zeros. */
static int32_t rr_stage_words_s8(const int8_t *from, int32_t k, int32_t row)
{
    int8_t *to = rr_stage.rows + RR_STAGED_AT(row, 0);
    for (int32_t i = 0; i < k; i += 16) vst1q_s8(to + i, vldrbq_z_s8(from + i, vctp8q((uint32_t)(k - i))));
    return k;
}

/* 32 nibbles from 16 bytes: the low ones and the high ones take turns. */
static int32_t rr_stage_words_s4(const uint8_t *from, int32_t k, int32_t row)
{
    int8_t *to = rr_stage.rows + RR_STAGED_AT(row, 0);
    const int32_t whole = k & ~1; /* the last code of an odd row shares its byte with the next row */
    for (int32_t i = 0; i < whole; i += 32, from += 16) {
        const int8x16_t bytes = vreinterpretq_s8_u8(vldrbq_z_u8(from, vctp8q((uint32_t)(whole - i) / 2)));
        int8x16x2_t codes;
        codes.val[0] = vshrq_n_s8(vshlq_n_s8(bytes, 4), 4);
        codes.val[1] = vshrq_n_s8(bytes, 4);
        vst2q_s8(to + i, codes);
    }
    return whole;
}

#else

static int32_t rr_stage_words_s8(const int8_t *from, int32_t k, int32_t row)
{
    (void)from, (void)k, (void)row;
    return 0;
}

static int32_t rr_stage_words_s4(const uint8_t *from, int32_t k, int32_t row)
{
    (void)from, (void)k, (void)row;
    return 0;
}

#endif

static void rr_stage_s8(rr_codes *codes, int32_t k, int32_t row)
{
    const int8_t *from = (const int8_t *)codes->next;
    for (int32_t i = rr_stage_words_s8(from, k, row); i < k; i++) rr_stage.rows[RR_STAGED_AT(row, i)] = from[i];
    codes->next += k;
}

static inline rr_staged rr_low(uint32_t byte)
{
    return (rr_staged)((int32_t)((byte & 15u) ^ 8u) - 8);
}

static inline rr_staged rr_high(uint32_t byte)
{
    return (rr_staged)((int32_t)((byte >> 4) ^ 8u) - 8);
}

static void rr_stage_s4(rr_codes *codes, int32_t k, int32_t row)
{
    rr_staged *staged = rr_stage.rows;
    const uint8_t *next = codes->next;
    int32_t i = codes->left > 0;
    if (i) {
        staged[RR_STAGED_AT(row, 0)] = rr_low(codes->held);
    } else {
        i = rr_stage_words_s4(next, k, row);
        next += i / 2;
    }
    for (; i + 2 <= k; i += 2) {
        const uint32_t byte = *next++;
        staged[RR_STAGED_AT(row, i)] = rr_low(byte);
        staged[RR_STAGED_AT(row, i + 1)] = rr_high(byte);
    }
    codes->left = i < k ? 4 : 0;
    if (i < k) {
        const uint32_t byte = *next++;
        staged[RR_STAGED_AT(row, i)] = rr_low(byte);
        codes->held = byte >> 4;
    }
    codes->next = next;
}

static void rr_stage_any(rr_codes *codes, int32_t k, int32_t row)
{
    for (int32_t i = 0; i < k; i++) rr_stage.rows[RR_STAGED_AT(row, i)] = (rr_staged)rr_next_code(codes);
}

int32_t rr_unpack_codes(const uint8_t *packed, int32_t n, int32_t bits, int32_t bytes, int8_t *out)
{
    rr_codes codes = {packed, bits, 0, 0};
    if (n < 1 || bits < 2 || bits > 8 || bytes != (n * bits + 7) / 8) return RR_REFUSED;
    for (int32_t i = 0; i < n; i++) out[i] = (int8_t)rr_next_code(&codes);
    return RR_OK;
}

void rr_stage_row(rr_codes *codes, int32_t k, int32_t row)
{
    if (codes->bits == 8) rr_stage_s8(codes, k, row);
    else if (codes->bits == 4) rr_stage_s4(codes, k, row);
    else rr_stage_any(codes, k, row);
#if defined(RR_KERNEL_MVE)
    vst1q_s8(rr_stage.rows + RR_STAGED_AT(row, k), vdupq_n_s8(0)); /* a row ends in zeros, up to its last vector */
#endif
}

int32_t rr_stage_column(const int8_t *v, int32_t count, int32_t step, int32_t column)
{
    int16_t *staged = rr_stage.columns[column];
    int32_t sum = 0, i = 0;
    for (; i < count; i++, v += step) {
        staged[i] = *v;
        sum += *v;
    }
    for (; i & 7; i++) staged[i] = 0;
    return sum;
}
