/* OP-BLOCK-LINEAR on tiles: zero points, blocks of inputs with a factor, int8 or int16 activations of a static scale. */
#include "rr_block_rows.h"

void rr_tile_block_linear(const rr_block_tile *p)
{
    rr_block_rows(p, 0);
}

void rr_tile_block_finish(const void *sums, int32_t sum_bits, int32_t rows, int32_t n, const uint8_t *scales,
                          int32_t biased, int32_t *out)
{
    const rr_block_tile p = {{0, 0, rows, 0, 0, 0, n, 1, 0, 0, scales, biased, 32, RR_RESCALED, 0, 0}, 0, 0, 0, 0, 0, 0, 0, 0};
    for (int32_t i = 0; i < n; i++) {
        const rr_output of = rr_output_of(&p, i);
        for (int32_t r = 0, at = i; r < rows; r++, at += n) {
            const int64_t acc = sum_bits == 64 ? ((const int64_t *)sums)[at] : ((const int32_t *)sums)[at];
            rr_put_wide(&of, &acc, 1, out + at, 1, 32);
        }
    }
}

void rr_tile_product(void *to, int32_t to_row, const int8_t *gate, const int8_t *up, int32_t row, int32_t rows,
                     int32_t cols, const rr_factor *p)
{
    const rr_rescaler by = rr_rescaler_by(p);
    const int32_t size = p->bits / 8;
    for (int32_t r = 0; r < rows; r++, gate += row, up += row)
        for (int32_t c = 0; c < cols; c++) {
            const int32_t product = (int32_t)gate[c] * up[c];
            rr_rescale_run(&by, &product, 1, (int8_t *)to + (r * to_row + c) * size, 1);
        }
}
