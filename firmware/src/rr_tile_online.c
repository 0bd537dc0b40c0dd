/* OP-BLOCK-LINEAR on tiles whose activations it quantizes itself: int32 rows, int8 by token or MXInt4 by block.
 * One row at a time, so that one row of codes is all the memory it takes. */
#include "rr_tile_block.h"

static int32_t rr_values[RR_MAX_K];

/* Dot product of rr_values with the next k codes. */
static int64_t rr_online_dot(const rr_block_tile *p, rr_codes codes, int32_t output)
{
    const int32_t zero = rr_tile_zero(p, output), k = p->tile.k;
    int64_t acc = 0;
    for (int32_t start = 0, stop; start < k; start = stop) {
        int64_t sum = 0;
        stop = p->block ? rr_least(k, start + p->block) : k;
        for (int32_t i = start; i < stop; i++) sum += (int64_t)rr_values[i] * (rr_next_code(&codes) - zero);
        acc += rr_tile_block_factor(p, output, start) * sum;
    }
    return acc;
}

void rr_tile_online_linear(const rr_block_tile *p)
{
    const rr_tile *q = &p->tile;
    for (int32_t r = 0; r < q->rows; r++) {
        const rr_row_scale scale = rr_online_row((const int32_t *)q->a + r * q->a_row, q->k, p->online, rr_values);
        for (int32_t part = 0; part < q->parts; part++)
            for (int32_t col = 0; col < q->n; col++) {
                const int32_t output = part * q->n + col, at = r * q->out_row + output;
                const rr_codes codes = rr_tile_codes(q, q->codes + part * q->part_bytes, col);
                const int32_t y = rr_tile_block_scaled(p, scale, output, rr_online_dot(p, codes, output));
                if (q->out_bits == 8) ((int8_t *)q->out)[at] = (int8_t)y;
                else ((int32_t *)q->out)[at] = y;
            }
    }
}
