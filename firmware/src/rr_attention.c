/* RoPE and the two products of attention, head by head. */
#include "rr_abi.h"
#include "rr_fixed.h"

enum { RR_ROPE_FRAC_BITS = 14 };

static int rr_valid(int32_t heads, int32_t t, int32_t d, int32_t multiplier, int32_t shift, int32_t rounding)
{
    return heads >= 1 && t >= 1 && d >= 1 && rr_rescale_valid(multiplier, shift) && rr_rounding_valid(rounding);
}

int32_t rr_rope(const int8_t *a, const int16_t *cos, const int16_t *sin, int32_t heads, int32_t t, int32_t d,
                int32_t half, int8_t *out)
{
    if (heads < 1 || t < 1 || half < 1 || d != 2 * half) return RR_REFUSED;
    for (int32_t row = 0; row < t; row++)
        for (int32_t j = 0; j < half; j++) {
            const int32_t c = *cos++, s = *sin++; /* each table entry is read once, for all heads */
            for (int32_t at = row * d + j; at < heads * t * d; at += t * d) {
                const int32_t x = a[at], y = a[at + half];
                out[at] = rr_saturate8(rr_shift_round(x * c - y * s, RR_ROPE_FRAC_BITS));
                out[at + half] = rr_saturate8(rr_shift_round(y * c + x * s, RR_ROPE_FRAC_BITS));
            }
        }
    return RR_OK;
}

int32_t rr_scores(const int8_t *q, const int8_t *k, int32_t heads, int32_t t, int32_t d, int32_t multiplier,
                  int32_t shift, int32_t rounding, int32_t output_offset, int8_t *out)
{
    if (!rr_valid(heads, t, d, multiplier, shift, rounding)) return RR_REFUSED;
    for (int32_t row = 0; row < heads * t; row++, q += d) {
        const int8_t *key = k + (row / t) * t * d;
        for (int32_t j = 0; j < t; j++, key += d) {
            int32_t acc = 0;
            for (int32_t i = 0; i < d; i++) acc += q[i] * key[i];
            *out++ = rr_saturate8((int64_t)rr_scale(acc, multiplier, shift, rounding) + output_offset);
        }
    }
    return RR_OK;
}

int32_t rr_weighted_values(const int16_t *probabilities, const int8_t *v, int32_t heads, int32_t t, int32_t d,
                           int32_t multiplier, int32_t shift, int32_t rounding, int32_t output_offset,
                           int8_t *out)
{
    if (!rr_valid(heads, t, d, multiplier, shift, rounding)) return RR_REFUSED;
    for (int32_t row = 0; row < heads * t; row++, probabilities += t) {
        const int8_t *values = v + (row / t) * t * d;
        for (int32_t i = 0; i < d; i++) {
            int32_t acc = 0; /* a row of probabilities + 32768 sums to at most 65,536 + t */
            for (int32_t j = 0; j < t; j++) acc += (probabilities[j] + 32768) * values[j * d + i];
            *out++ = rr_saturate8((int64_t)rr_scale(acc, multiplier, shift, rounding) + output_offset);
        }
    }
    return RR_OK;
}
