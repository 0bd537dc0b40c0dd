/* OP-BLOCK-LINEAR on tiles whose activations it quantizes itself: int32 rows, int8 by token or MXInt4 by block.
 * A few rows at a time become codes, which then go the way of all codes; each of them reads the weights again. */
#include "rr_tile_block.h"

enum {
    RR_TOKEN_ROWS = 4,
    RR_MX_ROWS = 2, /* and their exponents, a byte for RR_MX_BLOCK codes */
    RR_VALUES = 4 * RR_MAX_K
};

static int8_t rr_values[RR_VALUES];

void rr_tile_online_linear(const rr_block_tile *p)
{
    const rr_tile *q = &p->tile;
    const int32_t chunk = p->online == RR_MX ? RR_MX_ROWS : RR_TOKEN_ROWS, k = q->k;
    const int32_t blocks = (k + RR_MX_BLOCK - 1) / RR_MX_BLOCK;
    uint8_t *exponents = (uint8_t *)rr_values + RR_MX_ROWS * k;
    rr_row_scale scales[RR_TOKEN_ROWS];
    const rr_online_rows online = {scales, p->online == RR_MX ? exponents : 0, blocks};
    rr_block_tile rows = *p;
    rows.tile.a = rr_values;
    rows.tile.a_row = k;
    rows.a_bits = 8;
    for (int32_t r = 0; r < q->rows; r += chunk) {
        rows.tile.rows = rr_least(chunk, q->rows - r);
        rows.tile.out = (int8_t *)q->out + r * q->out_row * (q->out_bits / 8);
        for (int32_t t = 0; t < rows.tile.rows; t++)
            scales[t] = rr_online_codes((const int32_t *)q->a + (r + t) * q->a_row, k, p->online, rr_values + t * k,
                                        exponents + t * blocks);
        rr_tile_block_rows(&rows, &online);
    }
}
