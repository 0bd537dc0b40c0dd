/* Linear layer, int8 and int4 weights.  Twin of refimpl/ops/linear.py. */
#include "rr_abi.h"
#include "rr_dot.h"
#include "rr_fixed.h"
#include "rr_jobs.h"

/* Multiplier, shift and bias of one output, read once. */
typedef struct {
    int32_t multiplier, shift, bias;
} rr_output;

static rr_output rr_output_of(const rr_linear_job *p, int32_t col)
{
    const rr_output o = {p->multiplier[col], p->shift8 ? p->shift8[col] : p->shift[col], p->bias ? p->bias[col] : 0};
    return o;
}

int rr_linear_valid(const rr_linear_job *p)
{
    if (p->rows < 1 || p->n < 1 || p->k < 1 || p->k > RR_MAX_K || !rr_rounding_valid(p->rounding)) return 0;
    if (p->out_bits != 4 && p->out_bits != 8 && p->out_bits != 16 && p->out_bits != 32) return 0;
    for (int32_t col = 0; col < p->n; col++) {
        const rr_output o = rr_output_of(p, col);
        if (!rr_rescale_valid(o.multiplier, o.shift)) return 0;
    }
    return 1;
}

/* Rescale the accumulator of output `col` of row `r` and store it. */
static inline void rr_store(const rr_linear_job *p, rr_output o, int32_t r, int32_t col, int32_t dot)
{
    const int64_t y = (int64_t)rr_scale(dot + o.bias, o.multiplier, o.shift, p->rounding) + p->output_offset;
    const int32_t at = r * p->n + col;
    if (p->out_bits == 4) ((int8_t *)p->out)[at] = (int8_t)rr_saturate(y, -8, 7);
    else if (p->out_bits == 8) ((int8_t *)p->out)[at] = rr_saturate8(y);
    else if (p->out_bits == 16) ((int16_t *)p->out)[at] = rr_saturate16(y);
    else ((int32_t *)p->out)[at] = rr_saturate(y, INT32_MIN, INT32_MAX);
}

void rr_linear(const rr_linear_job *p)
{
    static rr_staged staged[2][RR_MAX_K + 4];
    const int8_t *codes8 = p->codes8;
    rr_nibbles codes4 = {p->codes4, 0, 0};
    for (int32_t col = 0; col < p->n; col += 2) {
        const int pair = col + 1 < p->n;
        rr_output o0 = rr_output_of(p, col), o1 = o0;
        if (pair) o1 = rr_output_of(p, col + 1);
        for (int32_t i = 0; i <= pair; i++) {
            if (p->codes4) rr_stage_s4(&codes4, p->k, staged[i]);
            else rr_stage_s8(&codes8, p->k, staged[i]);
        }
        for (int32_t r = 0; r < p->rows; r++) {
            const int8_t *a = p->a + r * p->k;
            if (pair) {
                int32_t dot[2];
                rr_dot2(a, staged[0], staged[1], p->k, dot);
                rr_store(p, o0, r, col, dot[0]);
                rr_store(p, o1, r, col + 1, dot[1]);
            } else {
                rr_store(p, o0, r, col, rr_dot(a, staged[0], p->k));
            }
        }
    }
}

int32_t rr_linear_s8(const int8_t *a, const int8_t *codes, const int32_t *bias, const int32_t *multiplier,
                     const int32_t *shift, int32_t rows, int32_t n, int32_t k, int32_t rounding,
                     int32_t output_offset, int32_t out_bits, void *out)
{
    const rr_linear_job job = {a, codes, 0, bias, multiplier, shift, 0, rows, n, k, rounding, output_offset,
                               out_bits, out};
    if (!rr_linear_valid(&job)) return RR_REFUSED;
    rr_linear(&job);
    return RR_OK;
}

int32_t rr_linear_s4(const int8_t *a, const uint8_t *codes, const int32_t *bias, const int32_t *multiplier,
                     const int32_t *shift, int32_t rows, int32_t n, int32_t k, int32_t rounding,
                     int32_t output_offset, int32_t out_bits, void *out)
{
    const rr_linear_job job = {a, 0, codes, bias, multiplier, shift, 0, rows, n, k, rounding, output_offset,
                               out_bits, out};
    if (!rr_linear_valid(&job)) return RR_REFUSED;
    rr_linear(&job);
    return RR_OK;
}
