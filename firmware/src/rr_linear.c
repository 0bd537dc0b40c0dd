/* Linear layer, int8 and int4 weights.  Twin of refimpl/ops/linear.py. */
#include "rr_abi.h"
#include "rr_dot.h"
#include "rr_fixed.h"
#include "rr_jobs.h"

static int32_t rr_shift_of(const rr_linear_job *p, int32_t col)
{
    return p->shift8 ? p->shift8[col] : p->shift[col];
}

static int rr_valid(const rr_linear_job *p)
{
    if (p->rows < 1 || p->n < 1 || p->k < 1 || p->k > RR_MAX_K || !rr_rounding_valid(p->rounding)) return 0;
    if (p->out_bits != 8 && p->out_bits != 16 && p->out_bits != 32) return 0;
    for (int32_t i = 0; i < p->n; i++)
        if (!rr_rescale_valid(p->multiplier[i], rr_shift_of(p, i))) return 0;
    return 1;
}

/* Rescale the accumulator of output `col` of row `r` and store it. */
static void rr_store(const rr_linear_job *p, int32_t r, int32_t col, int32_t acc)
{
    const int64_t y =
        (int64_t)rr_scale(acc, p->multiplier[col], rr_shift_of(p, col), p->rounding) + p->output_offset;
    const int32_t at = r * p->n + col;
    if (p->out_bits == 8) ((int8_t *)p->out)[at] = rr_saturate8(y);
    else if (p->out_bits == 16) ((int16_t *)p->out)[at] = rr_saturate16(y);
    else ((int32_t *)p->out)[at] = rr_saturate(y, INT32_MIN, INT32_MAX);
}

int32_t rr_linear(const rr_linear_job *p)
{
    static rr_staged staged[2][RR_MAX_K + 4];
    if (!rr_valid(p)) return RR_REFUSED;
    for (int32_t col = 0; col < p->n; col += 2) {
        const int pair = col + 1 < p->n;
        const int32_t bias0 = p->bias ? p->bias[col] : 0, bias1 = p->bias && pair ? p->bias[col + 1] : 0;
        for (int32_t i = 0; i <= pair; i++) {
            if (p->codes4) rr_stage_s4(p->codes4, col + i, p->k, staged[i]);
            else rr_stage_s8(p->codes8, col + i, p->k, staged[i]);
        }
        for (int32_t r = 0; r < p->rows; r++) {
            if (pair) {
                int32_t acc[2];
                rr_dot2(p->a + r * p->k, staged[0], staged[1], p->k, acc);
                rr_store(p, r, col, acc[0] + bias0);
                rr_store(p, r, col + 1, acc[1] + bias1);
            } else {
                rr_store(p, r, col, rr_dot(p->a + r * p->k, staged[0], p->k) + bias0);
            }
        }
    }
    return RR_OK;
}

int32_t rr_linear_s8(const int8_t *a, const int8_t *codes, const int32_t *bias, const int32_t *multiplier,
                     const int32_t *shift, int32_t rows, int32_t n, int32_t k, int32_t rounding,
                     int32_t output_offset, int32_t out_bits, void *out)
{
    const rr_linear_job job = {a, codes, 0, bias, multiplier, shift, 0, rows, n, k, rounding, output_offset,
                               out_bits, out};
    return rr_linear(&job);
}

int32_t rr_linear_s4(const int8_t *a, const uint8_t *codes, const int32_t *bias, const int32_t *multiplier,
                     const int32_t *shift, int32_t rows, int32_t n, int32_t k, int32_t rounding,
                     int32_t output_offset, int32_t out_bits, void *out)
{
    const rr_linear_job job = {a, 0, codes, bias, multiplier, shift, 0, rows, n, k, rounding, output_offset,
                               out_bits, out};
    return rr_linear(&job);
}
