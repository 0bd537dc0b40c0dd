/* What the kernels of OP-BLOCK-LINEAR on tiles share: constants of an output, codes of a row, the last rounding. */
#ifndef RR_TILE_BLOCK_H
#define RR_TILE_BLOCK_H

#include "rr_dot.h"
#include "rr_jobs.h"
#include "rr_tile.h"

/* What a linear that quantizes its rows itself knows of them: a scale each, and, for MX, the exponent of each RR_MX_BLOCK
 * codes, `blocks` a row, or NULL. */
typedef struct {
    const rr_row_scale *scales;
    const uint8_t *exponents;
    int32_t blocks;
} rr_online_rows;
/* The products of rows of codes with a tile; `online` is NULL where the codes are those of a static scale. */
void rr_tile_block_rows(const rr_block_tile *p, const rr_online_rows *online);

#endif
