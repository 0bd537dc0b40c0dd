/* Linear layer, weights of 2 to 8 bits.  Twin of refimpl/ops/linear.py. */
#include "rr_abi.h"
#include "rr_dot.h"
#include "rr_fixed.h"
#include "rr_jobs.h"
#include "rr_rescale.h"

static int32_t rr_shift_of(const rr_linear_job *p, int32_t col)
{
    return p->shift8 ? p->shift8[col] : p->shift[col];
}

int rr_linear_valid(const rr_linear_job *p)
{
    if (p->rows < 1 || p->n < 1 || p->k < 1 || p->k > RR_MAX_K || !rr_rounding_valid(p->rounding)) return 0;
    if (p->bits < 2 || p->bits > 8) return 0;
    if (p->out_bits != 4 && p->out_bits != 8 && p->out_bits != 16 && p->out_bits != 32) return 0;
    for (int32_t col = 0; col < p->n; col++)
        if (!rr_rescale_valid(p->multiplier[col], rr_shift_of(p, col))) return 0;
    return 1;
}

static rr_rescaler rr_output_of(const rr_linear_job *p, int32_t col)
{
    rr_rescaler o = rr_rescaler_of(p->multiplier[col], rr_shift_of(p, col), p->rounding, p->output_offset, p->out_bits);
    if (p->bias) o.bias = p->bias[col];
    return o;
}

void rr_linear(const rr_linear_job *p)
{
    rr_codes codes = {p->codes, p->bits, 0, 0};
    const int32_t size = p->out_bits <= 8 ? 1 : p->out_bits / 8;
    for (int32_t col = 0; col < p->n; col += 2) {
        const int32_t pair = col + 1 < p->n; /* beside an odd last column stands what was staged before */
        rr_rescaler o[2];
        for (int32_t i = 0; i <= pair; i++) {
            o[i] = rr_output_of(p, col + i);
            rr_stage_row(&codes, p->k, i);
        }
        for (int32_t r = 0; r < p->rows; r += RR_DOT_ROWS) {
            rr_sums sums;
            const int32_t count = p->rows - r < RR_DOT_ROWS ? p->rows - r : RR_DOT_ROWS;
            rr_dot_rows(p->a + r * p->k, p->k, count, p->k, &sums);
            for (int32_t i = 0; i <= pair; i++)
                rr_rescale_run(&o[i], sums.of[i], count, (int8_t *)p->out + (r * p->n + col + i) * size, p->n);
        }
    }
}

int32_t rr_linear_s8(const int8_t *a, const int8_t *codes, const int32_t *bias, const int32_t *multiplier,
                     const int32_t *shift, int32_t rows, int32_t n, int32_t k, int32_t rounding,
                     int32_t output_offset, int32_t out_bits, void *out)
{
    const rr_linear_job job = {a, (const uint8_t *)codes, 8, bias, multiplier, shift, 0, rows, n, k, rounding, output_offset,
                               out_bits, out};
    if (!rr_linear_valid(&job)) return RR_REFUSED;
    rr_linear(&job);
    return RR_OK;
}

int32_t rr_linear_s4(const int8_t *a, const uint8_t *codes, const int32_t *bias, const int32_t *multiplier,
                     const int32_t *shift, int32_t rows, int32_t n, int32_t k, int32_t rounding,
                     int32_t output_offset, int32_t out_bits, void *out)
{
    const rr_linear_job job = {a, codes, 4, bias, multiplier, shift, 0, rows, n, k, rounding, output_offset,
                               out_bits, out};
    if (!rr_linear_valid(&job)) return RR_REFUSED;
    rr_linear(&job);
    return RR_OK;
}
