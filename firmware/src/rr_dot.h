/* The inner kernels: rows of activations against two staged rows of weights.
 *
 * Rows that are read for every token - weights, keys, columns of values - are first *staged* in RAM: external flash is
 * read exactly once per call whatever the number of tokens, and the kernel may choose its own layout.
 *
 *   RR_KERNEL_PLAIN  portable C99 (the default)
 *   RR_KERNEL_DSP    SMLAD: Armv7E-M and Armv8-M with the DSP extension
 *   RR_KERNEL_MVE    Helium: vmladava on 16 or 8 lanes
 *
 * Sums wrap at 32 bits; that the final ones do not get there is proved for each model before it runs.
 */
#ifndef RR_DOT_H
#define RR_DOT_H

#include <stdint.h>

#include "rr_rescale.h"

#ifndef RR_MAX_K
#define RR_MAX_K 2560 /* inputs staged at once: the longest row of any published model */
#endif
#ifndef RR_QUANTIZED_K
#define RR_QUANTIZED_K 2560 /* longest row that a linear quantizes itself */
#endif

enum {
    RR_STAGED_ROW = RR_MAX_K + 32, /* a row, and room for the vector that ends it */
    RR_STAGED_KEYS = RR_MAX_K / 2 / 16 * 16, /* columns of values are staged this many keys at a time */
    RR_DOT_ROWS = 96 /* rows of activations whose sums are kept at once; even */
};

/* Sums of up to RR_DOT_ROWS rows with both staged rows. */
typedef struct {
    int32_t of[2][RR_DOT_ROWS];
} rr_sums;

#if defined(RR_KERNEL_DSP)
enum { RR_SCORES_STEP = 8 }; /* codes of which rr_scores_fast takes whole ones */
/* Groups of four in the order SXTB16 leaves bytes (0, 2, 1, 3), the two rows taking turns: one pointer serves both. */
typedef int16_t rr_staged;
#define RR_STAGED_AT(row, i) (((i) & ~3) * 2 + (row) * 4 + (((i) & 1) << 1) + (((i) & 2) >> 1))
#else
enum { RR_SCORES_STEP = 16 };
typedef int8_t rr_staged;
#define RR_STAGED_AT(row, i) ((row) * RR_STAGED_ROW + (i))
#endif

/* One piece of memory for everything that is staged: int8 rows, or columns of values as int16. */
typedef union {
    uint64_t aligned;
    rr_staged rows[2 * RR_STAGED_ROW];
    int16_t columns[2][RR_STAGED_KEYS + 8];
} rr_staging;
extern rr_staging rr_stage;

/* Weight codes of 2 to 8 bits being read, low bits first: a row may begin within a byte. */
typedef struct {
    const uint8_t *next;
    int32_t bits;
    uint32_t held; /* bits of the last byte that are still to come, */
    int32_t left;  /* and how many */
} rr_codes;

static inline int32_t rr_next_code(rr_codes *codes)
{
    const uint32_t sign = 1u << (codes->bits - 1);
    if (codes->left < codes->bits) {
        codes->held |= (uint32_t)*codes->next++ << codes->left;
        codes->left += 8;
    }
    const uint32_t code = codes->held & (2u * sign - 1u);
    codes->held >>= codes->bits;
    codes->left -= codes->bits;
    return (int32_t)(code ^ sign) - (int32_t)sign;
}

/* The codes from number `first` on. */
static inline rr_codes rr_codes_at(const uint8_t *packed, int32_t bits, uint32_t first)
{
    const uint32_t at = first * (uint32_t)bits;
    rr_codes codes = {packed + at / 8u, bits, 0, 0};
    if (at % 8u) {
        codes.held = (uint32_t)*codes.next++ >> at % 8u;
        codes.left = 8 - (int32_t)(at % 8u);
    }
    return codes;
}

/* Copy the next k codes into staged row 0 or 1 and advance; every byte is read once.  Zeros follow. */
void rr_stage_row(rr_codes *codes, int32_t k, int32_t row);
/* Copy `count` values, `step` apart, into staged column 0 or 1; returns their sum.  Zeros follow. */
int32_t rr_stage_column(const int8_t *v, int32_t count, int32_t step, int32_t column);

/* sums[i][r] = a[r] . row i for `rows` <= RR_DOT_ROWS rows of k codes, `step` apart.  Rows go in pairs: with an odd
 * number of them the sums of one more are written, and mean nothing. */
void rr_dot_rows(const int8_t *a, int32_t step, int32_t rows, int32_t k, rr_sums *sums);
/* The same for int16 activations and the staged columns, added to what stands in the sums. */
void rr_dot_columns(const int16_t *a, int32_t step, int32_t rows, int32_t k, rr_sums *sums);

#if defined(RR_KERNEL_DSP) || defined(RR_KERNEL_MVE)
/* int8 codes of the two staged rows with two or more `keys` of d codes, rescaled where they are summed, for a rescaler
 * that rounds twice, shifts to the right and has neither bias nor offset.  Those of the second row are out_row behind the
 * first's; without a second row it is 0. */
void rr_scores_fast(const int8_t *k, int32_t keys, int32_t d, const rr_rescaler *p, int8_t *out, int32_t out_row);
#endif

#endif
