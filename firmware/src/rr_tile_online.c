/* OP-BLOCK-LINEAR on tiles whose activations it quantizes itself: int32 rows, int8 by token or MXInt4 by block.
 * A few rows at a time become codes, which then go the way of all codes; each of them reads the weights again. */
#define RR_ONLINE
#include "rr_block_rows.h"

enum {
    RR_TOKEN_ROWS = RR_BLOCK_ROWS,
    RR_MX_ROWS = 2,
    RR_MOST_BLOCKS = 80, /* of RR_MX_BLOCK inputs, in the longest row of any published model */
    RR_VALUES = 2 * RR_QUANTIZED_K /* as many of these rows as it holds */
};

static int8_t rr_values[RR_VALUES];
static uint8_t rr_exponents[RR_MX_ROWS * RR_MOST_BLOCKS];

void rr_tile_online_linear(const rr_block_tile *p)
{
    const rr_tile *q = &p->tile;
    const int32_t k = q->k, chunk = rr_least(p->online == RR_MX ? RR_MX_ROWS : RR_TOKEN_ROWS, RR_VALUES / k);
    const int32_t blocks = (k + RR_MX_BLOCK - 1) / RR_MX_BLOCK;
    rr_row_scale scales[RR_TOKEN_ROWS];
    const rr_online_rows online = {scales, p->online == RR_MX ? rr_exponents : 0, blocks};
    rr_block_tile rows = *p;
    rows.tile.a = rr_values;
    rows.tile.a_row = k;
    rows.a_bits = 8;
    for (int32_t r = 0; r < q->rows; r += chunk) {
        rows.tile.rows = rr_least(chunk, q->rows - r);
        rows.tile.out = (int8_t *)q->out + r * q->out_row * (q->out_bits / 8);
        for (int32_t t = 0; t < rows.tile.rows; t++)
            scales[t] = rr_online_codes((const int32_t *)q->a + (r + t) * q->a_row, k, p->online, rr_values + t * k,
                                        rr_exponents + t * blocks);
        rr_block_rows(&rows, &online);
    }
}
