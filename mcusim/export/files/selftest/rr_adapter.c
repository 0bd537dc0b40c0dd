/* The operators of the vectors, computed by the kernels that the plan calls.
 * 2: a case that these kernels do not serve (the other rounding rule, another width); it is skipped and counted. */
#include "rr_adapter.h"

#include <string.h>

#include "rr_dot.h"
#include "rr_solve.h"
#include "rr_tile.h"

enum { NOT_SERVED = 2, MOST = 2048 };

static union {
    uint8_t bytes[MOST];
    int64_t aligned;
} room;

static const char *first_failing;

int32_t rr_note(const char *operator, int32_t failures)
{
    if (failures && !first_failing) first_failing = operator;
    return failures;
}

const char *rr_first_failing(void)
{
    return first_failing;
}

static rr_factor factor(int32_t multiplier, int32_t shift, int32_t offset)
{
    const rr_factor f = {multiplier, shift, offset, 8};
    return f;
}

static int32_t linear(const int8_t *a, const uint8_t *codes, int32_t bits, const int32_t *bias,
                      const int32_t *multiplier, const int32_t *shift, const int32_t size[3], int32_t rounding,
                      int32_t output_offset, int32_t out_bits, void *out)
{
    const int32_t rows = size[0], n = size[1], k = size[2], wide = (bias ? 8 : 4) * n;
    if (rounding != rr_rounding || output_offset || (out_bits != 8 && out_bits != 32) || wide + n > MOST || k > RR_MAX_K)
        return NOT_SERVED;
    memcpy(room.bytes, multiplier, (size_t)(4 * n));
    if (bias) memcpy(room.bytes + 4 * n, bias, (size_t)(4 * n));
    for (int32_t i = 0; i < n; i++) room.bytes[wide + i] = (uint8_t)shift[i];
    const rr_tile job = {a, k, rows, k, codes, bits, n, 1, 0, 0, room.bytes, bias != 0, out_bits, RR_RESCALED, out, n};
    rr_tile_linear(&job);
    return 0;
}

int32_t rr_test_linear_s8(const int8_t *a, const int8_t *codes, const int32_t *bias, const int32_t *multiplier,
                          const int32_t *shift, int32_t rows, int32_t n, int32_t k, int32_t rounding,
                          int32_t output_offset, int32_t out_bits, void *out)
{
    const int32_t size[3] = {rows, n, k};
    return linear(a, (const uint8_t *)codes, 8, bias, multiplier, shift, size, rounding, output_offset, out_bits, out);
}

int32_t rr_test_linear_s4(const int8_t *a, const uint8_t *codes, const int32_t *bias, const int32_t *multiplier,
                          const int32_t *shift, int32_t rows, int32_t n, int32_t k, int32_t rounding,
                          int32_t output_offset, int32_t out_bits, void *out)
{
    const int32_t size[3] = {rows, n, k};
    return linear(a, codes, 4, bias, multiplier, shift, size, rounding, output_offset, out_bits, out);
}

int32_t rr_test_quantize_s16(const int16_t *h, int32_t n, int32_t multiplier, int32_t shift, int32_t rounding,
                             int32_t output_offset, int8_t *out)
{
    const rr_factor f = factor(multiplier, shift, output_offset);
    if (rounding != rr_rounding) return NOT_SERVED;
    rr_codes_s16(out, h, n, 1, 1, n, &f);
    return 0;
}

int32_t rr_test_quantize_s32(const int32_t *h, int32_t n, int32_t multiplier, int32_t shift, int32_t rounding,
                             int32_t output_offset, int8_t *out)
{
    const rr_factor f = factor(multiplier, shift, output_offset);
    if (rounding != rr_rounding) return NOT_SERVED;
    rr_codes_s32(out, h, 1, n, &f);
    return 0;
}

int32_t rr_test_int8_carry(const int16_t *h, int32_t n, int32_t code_multiplier, int32_t code_shift,
                           int32_t state_multiplier, int32_t state_shift, int32_t rounding, int16_t *out)
{
    const rr_factor to_code = factor(code_multiplier, code_shift, 0), to_state = factor(state_multiplier, state_shift, 0);
    if (rounding != rr_rounding) return NOT_SERVED;
    for (int32_t i = 0; i < n; i++) {
        int8_t code;
        int32_t state;
        rr_codes_s16(&code, h + i, 1, 1, 1, 1, &to_code);
        rr_sum_s8(&state, &code, 1, 1, 1, 1, &to_state, 0);
        out[i] = (int16_t)state;
    }
    return 0;
}

int32_t rr_test_multiply(const int8_t *a, const int8_t *b, int32_t n, int32_t multiplier, int32_t shift,
                         int32_t rounding, int32_t output_offset, int8_t *out)
{
    const rr_factor f = factor(multiplier, shift, output_offset);
    if (rounding != rr_rounding) return NOT_SERVED;
    memcpy(out, a, (size_t)n);
    rr_tile_multiply(out, b, n, 1, n, &f);
    return 0;
}

int32_t rr_test_silu(const int8_t *a, const int8_t *table, int32_t n, int8_t *out)
{
    memcpy(out, a, (size_t)n);
    rr_tile_silu(out, n, 1, n, table);
    return 0;
}

int32_t rr_test_add_s16(const int16_t *a, const int32_t *b, int32_t n, int32_t *out)
{
    rr_sum_s16(out, a, n, 1, 1, n, 0);
    rr_sum_s32(out, b, n, 1, 1, n, 1);
    return 0;
}

int32_t rr_test_add_s32(const int32_t *a, const int32_t *b, int32_t n, int32_t *out)
{
    rr_sum_s32(out, a, n, 1, 1, n, 0);
    rr_sum_s32(out, b, n, 1, 1, n, 1);
    return 0;
}

int32_t rr_test_rms_norm(const int32_t *h, int32_t rows, int32_t size, int32_t gain, int32_t eps, int16_t *out)
{
    rr_norm_s16(out, size, 1, h, rows, size, gain, eps);
    return 0;
}

int32_t rr_test_argmax(const int32_t *logits, int32_t rows, int32_t cols, int32_t *out)
{
    if (rows > MOST || cols > 256) return NOT_SERVED;
    rr_tile_argmax(logits, rows, cols, room.bytes);
    for (int32_t i = 0; i < rows; i++) out[i] = room.bytes[i];
    return 0;
}

int32_t rr_test_rope(const int8_t *a, const int16_t *cos, const int16_t *sin, int32_t heads, int32_t t, int32_t d,
                     int32_t half, int8_t *out)
{
    const size_t bytes = (size_t)(2 * t * half);
    if (2u * bytes > MOST) return NOT_SERVED;
    memcpy(room.bytes, cos, bytes);
    memcpy(room.bytes + bytes, sin, bytes);
    rr_tile_rope(a, t * d, d, (const int16_t *)(const void *)room.bytes, heads, t, half, out, t * d, d);
    return 0;
}
