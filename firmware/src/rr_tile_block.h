/* What the kernels of OP-BLOCK-LINEAR on tiles share: constants of an output, codes of a row, the last rounding. */
#ifndef RR_TILE_BLOCK_H
#define RR_TILE_BLOCK_H

#include "rr_dot.h"
#include "rr_jobs.h"
#include "rr_tile.h"

int32_t rr_tile_zero(const rr_block_tile *p, int32_t output);
/* The factor of the weights of an output at an input, counted from the beginning of the row in the image. */
int32_t rr_tile_block_factor(const rr_block_tile *p, int32_t output, int32_t input);
rr_codes rr_tile_codes(const rr_tile *p, const uint8_t *codes, int32_t row);
/* Requantized, with the bias, saturated; `scale` is that of the row where the linear quantized it. */
int32_t rr_tile_block_scaled(const rr_block_tile *p, rr_row_scale scale, int32_t output, int64_t acc);

#endif
