/* RoPE and the two products of attention, head by head. */
#include "rr_abi.h"
#include "rr_dot.h"
#include "rr_fixed.h"
#include "rr_jobs.h"

enum { RR_ROPE_FRAC_BITS = 14, RR_ANGLE_FRAC_BITS = 30 };

static int rr_valid(int32_t heads, int32_t t, int32_t d, int32_t multiplier, int32_t shift, int32_t rounding)
{
    return heads >= 1 && t >= 1 && d >= 1 && rr_rescale_valid(multiplier, shift) && rr_rounding_valid(rounding);
}

void rr_angles(const int32_t *coarse, const int32_t *fine, int32_t half, int16_t *cos, int16_t *sin)
{
    const int64_t rounding = (int64_t)1 << (2 * RR_ANGLE_FRAC_BITS - RR_ROPE_FRAC_BITS - 1);
    for (int32_t j = 0; j < half; j++) {
        const int64_t c = coarse[j], s = coarse[j + half];
        const int32_t e = fine[j], t = fine[j + half];
        cos[j] = rr_saturate16((c * e - s * t + rounding) >> (2 * RR_ANGLE_FRAC_BITS - RR_ROPE_FRAC_BITS));
        sin[j] = rr_saturate16((s * e + c * t + rounding) >> (2 * RR_ANGLE_FRAC_BITS - RR_ROPE_FRAC_BITS));
    }
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

void rr_scores_rows(const int8_t *q, int32_t q_row, int32_t rows, const int8_t *k, int32_t keys, int32_t d,
                    const rr_rescaler *p, int8_t *out)
{
#if defined(RR_KERNEL_DSP) || defined(RR_KERNEL_MVE)
    const int fast = p->rounding == RR_DOUBLE && p->shift < 0 && p->offset == 0 && d % RR_SCORES_STEP == 0 && keys > 1;
#endif
    for (int32_t r = 0; r < rows; r += 2) {
        const int32_t pair = r + 1 < rows;
        for (int32_t i = 0; i <= pair; i++) {
            rr_codes query = {(const uint8_t *)q + (r + i) * q_row, 8, 0, 0};
            rr_stage_row(&query, d, i);
        }
#if defined(RR_KERNEL_DSP) || defined(RR_KERNEL_MVE)
        if (fast) {
            rr_scores_fast(k, keys, d, p, out + r * keys, pair ? keys : 0);
            continue;
        }
#endif
        for (int32_t key = 0; key < keys; key += RR_DOT_ROWS) {
            rr_sums sums;
            const int32_t count = keys - key < RR_DOT_ROWS ? keys - key : RR_DOT_ROWS;
            rr_dot_rows(k + key * d, d, count, d, &sums);
            for (int32_t i = 0; i <= pair; i++) rr_rescale_run(p, sums.of[i], count, out + (r + i) * keys + key, 1);
        }
    }
}

/* Sums of two channels over all keys, for rows r .. r + count; the columns are staged a stretch at a time. */
static void rr_values_pair(const int16_t *probabilities, int32_t count, int32_t keys, const int8_t *v, int32_t d,
                           int32_t pair, rr_sums *sums, int32_t totals[2])
{
    for (int32_t i = 0; i < 2; i++) {
        totals[i] = 0;
        for (int32_t r = 0; r < RR_DOT_ROWS; r++) sums->of[i][r] = 0;
    }
    for (int32_t start = 0; start < keys; start += RR_STAGED_KEYS) {
        const int32_t stretch = keys - start < RR_STAGED_KEYS ? keys - start : RR_STAGED_KEYS;
        for (int32_t i = 0; i <= pair; i++) totals[i] += rr_stage_column(v + start * d + i, stretch, d, i);
        rr_dot_columns(probabilities + start, keys, count, stretch, sums);
    }
}

void rr_values_rows(const int16_t *probabilities, int32_t rows, const int8_t *v, int32_t keys, int32_t d,
                    const rr_rescaler *p, void *out, int32_t out_row)
{
    rr_rescaler o = *p;
    const int32_t size = p->out_bits <= 8 ? 1 : p->out_bits / 8;
    for (int32_t channel = 0; channel < d; channel += 2) {
        const int32_t pair = channel + 1 < d;
        for (int32_t r = 0; r < rows; r += RR_DOT_ROWS) {
            rr_sums sums;
            int32_t totals[2];
            const int32_t count = rows - r < RR_DOT_ROWS ? rows - r : RR_DOT_ROWS;
            rr_values_pair(probabilities + r * keys, count, keys, v + channel, d, pair, &sums, totals);
            for (int32_t i = 0; i <= pair; i++) {
                o.bias = rr_wrap32((uint32_t)totals[i] << 15); /* (p + 32768) v = p v + 32768 v */
                rr_rescale_run(&o, sums.of[i], count, (int8_t *)out + (r * out_row + channel + i) * size, out_row);
            }
        }
    }
}

int32_t rr_scores(const int8_t *q, const int8_t *k, int32_t heads, int32_t t, int32_t d, int32_t multiplier,
                  int32_t shift, int32_t rounding, int32_t output_offset, int8_t *out)
{
    if (!rr_valid(heads, t, d, multiplier, shift, rounding) || d > RR_MAX_K) return RR_REFUSED;
    const rr_rescaler p = rr_rescaler_of(multiplier, shift, rounding, output_offset, 8);
    for (int32_t head = 0; head < heads; head++)
        rr_scores_rows(q + head * t * d, d, t, k + head * t * d, t, d, &p, out + head * t * t);
    return RR_OK;
}

int32_t rr_weighted_values(const int16_t *probabilities, const int8_t *v, int32_t heads, int32_t t, int32_t d,
                           int32_t multiplier, int32_t shift, int32_t rounding, int32_t output_offset,
                           int8_t *out)
{
    if (!rr_valid(heads, t, d, multiplier, shift, rounding)) return RR_REFUSED;
    const rr_rescaler p = rr_rescaler_of(multiplier, shift, rounding, output_offset, 8);
    for (int32_t head = 0; head < heads; head++)
        rr_values_rows(probabilities + head * t * t, t, v + head * t * d, t, d, &p, out + head * t * d, d);
    return RR_OK;
}
