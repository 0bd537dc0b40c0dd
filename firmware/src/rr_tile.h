/* What a planned program calls: the operators on tiles, which are pieces of larger tensors.
 *
 * Twins of the operators of refimpl/ops on views: OP-ADD (rr_sum_), OP-QUANTIZE (rr_codes_), OP-RMS-NORM and
 * OP-INT8-NORM (rr_norm_), OP-LINEAR, OP-SILU, OP-MULTIPLY, OP-ROPE, OP-EMBED, OP-ARGMAX (rr_tile_) of docs/spec.md.
 * Element (r, c) of a view stands at base[r * row + c * col]; sums (int32) are contiguous, `cols` to a row.
 * Requests come from a plan that was checked when it was made, so nothing is checked here. */
#ifndef RR_TILE_H
#define RR_TILE_H

#include <stdint.h>

#include "rr_rescale.h"

/* Bring `bytes` bytes of the image into RAM.  Those that are linked by default copy. */
void rr_fetch(void *to, const void *from, uint32_t bytes);
/* Begin to bring a tile of weights: `pieces` of `bytes` bytes each, `step` bytes apart, behind each other at `to`.
 * What it returns is waited for before the tile is used, in the order of the beginnings. */
uint32_t rr_fetch_ahead(void *to, const void *from, uint32_t bytes, int32_t pieces, uint32_t step);
void rr_fetch_wait(uint32_t ticket);

static inline void rr_swap(uint8_t **a, uint8_t **b)
{
    uint8_t *const c = *a;
    *a = *b;
    *b = c;
}

/* Of a plan's functions: none becomes part of its caller, whose frame would then stand below every kernel. */
#if defined(__GNUC__)
#define RR_APART __attribute__((noinline))
#else
#define RR_APART
#endif

static inline int32_t rr_least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* A multiplier with its shift; `bits` of the result.  The rounding rule is the program's. */
typedef struct {
    int32_t multiplier, shift, offset, bits;
} rr_factor;
rr_rescaler rr_rescaler_by(const rr_factor *p);
extern const int32_t rr_rounding; /* defined by the plan: RR_DOUBLE or RR_SINGLE */

/* to = view, or with `add` to += view, in state units. */
void rr_sum_s32(int32_t *to, const int32_t *from, int32_t row, int32_t col, int32_t rows, int32_t cols, int add);
void rr_sum_s16(int32_t *to, const int16_t *from, int32_t row, int32_t col, int32_t rows, int32_t cols, int add);
void rr_sum_s8(int32_t *to, const int8_t *from, int32_t row, int32_t col, int32_t rows, int32_t cols,
               const rr_factor *to_state, int add);

/* Activations of a linear, `cols` to a row, from sums or from a view of a state: int8, or int16 where `p` has them. */
void rr_codes_s32(void *to, const int32_t *from, int32_t rows, int32_t cols, const rr_factor *p);
void rr_codes_s16(void *to, const int16_t *from, int32_t row, int32_t col, int32_t rows, int32_t cols,
                  const rr_factor *p);
void rr_codes_s8(void *to, const int8_t *from, int32_t row, int32_t col, int32_t rows, int32_t cols,
                 const rr_factor *to_state, const rr_factor *p);

/* rms_norm of rows of sums into a view of a state; `to_code` for an int8 carry. */
void rr_norm_s16(int16_t *to, int32_t row, int32_t col, const int32_t *h, int32_t rows, int32_t cols, int32_t gain,
                 int32_t eps);
void rr_norm_s8(int8_t *to, int32_t row, int32_t col, const int32_t *h, int32_t rows, int32_t cols, int32_t gain,
                int32_t eps, const rr_factor *to_code);

enum { RR_RESCALED = 0, RR_SET = 1, RR_ADD = 2 }; /* sums as requantized output, set, or added to */

/* Rows of activations by a tile of a linear: `parts` ranges of `n` outputs each, all over the same k inputs.
 * Row i of a part is at codes + part * part_bytes + i * row_bytes; with row_bytes 0 rows follow each other without
 * a gap, int4 codes even within a byte.  `scales`: multipliers, biases if `biased` (int32 each), shifts (int8). */
typedef struct {
    const void *a; /* int8 */
    int32_t a_row, rows, k;
    const uint8_t *codes;
    int32_t bits, n, parts, part_bytes, row_bytes;
    const uint8_t *scales;
    int32_t biased, out_bits, mode;
    void *out;
    int32_t out_row;
} rr_tile;
void rr_tile_linear(const rr_tile *p);
/* Requantize rows of n sums where they stand (a linear of parts' outputs as `scales` has them). */
void rr_tile_finish(int32_t *sums, int32_t rows, int32_t n, const uint8_t *scales, int32_t biased);

/* The same with weights (code - zero point) * factor and activations of `a_bits` bits (8 or 16), sums of `sum_bits`
 * (32 or 64) and 64-bit rounding.  Constants go on behind the shifts: zero points if `zeros` (int8), then `blocks`
 * factors a row, one for each `block` inputs (0: none).  A row of the image has `first` inputs before the tile. */
typedef struct {
    rr_tile tile;
    int32_t a_bits, sum_bits, zeros, block, blocks, factors, first, online;
} rr_block_tile;
void rr_tile_block_linear(const rr_block_tile *p);
/* The same for int32 activations that it quantizes itself, `online`: RR_TOKEN or RR_MX. */
void rr_tile_online_linear(const rr_block_tile *p);
void rr_tile_block_finish(const void *sums, int32_t sum_bits, int32_t rows, int32_t n, const uint8_t *scales,
                          int32_t biased, int32_t *out);

/* gate = silu(gate); gate = gate * up.  Both int8 views with `row` elements from row to row. */
void rr_tile_silu(int8_t *gate, int32_t row, int32_t rows, int32_t cols, const int8_t *table);
void rr_tile_multiply(int8_t *gate, const int8_t *up, int32_t row, int32_t rows, int32_t cols, const rr_factor *p);
/* The product of more than 8 bits has a place of its own. */
void rr_tile_product(void *to, int32_t to_row, const int8_t *gate, const int8_t *up, int32_t row, int32_t rows,
                     int32_t cols, const rr_factor *p);

/* cos, then sin, of some positions, `half` to a row, from the image's tables of angles (int32); their rows pass through
 * `angles`, a coarse one and a fine one. */
void rr_tile_angles(const uint8_t *coarse, const uint8_t *fine, int32_t position, int32_t rows, int32_t half,
                    int32_t *angles, int16_t *cos_sin);

/* Heads of int8 rows, `head` elements from head to head; turned by the cos and sin of their positions, or copied. */
void rr_tile_rope(const int8_t *from, int32_t from_head, int32_t from_row, const int16_t *cos_sin, int32_t heads,
                  int32_t rows, int32_t half, int8_t *to, int32_t to_head, int32_t to_row);
void rr_tile_copy(const int8_t *from, int32_t from_head, int32_t from_row, int32_t heads, int32_t rows, int32_t cols,
                  int8_t *to, int32_t to_head, int32_t to_row);

/* Input rows: int8 codes (rows, d), a multiplier and a shift for each; all in the image. */
typedef struct {
    const uint8_t *codes, *multiplier, *shift; /* NULL: no such table */
} rr_rows;
typedef struct {
    rr_rows tokens, positions, puzzles;
    int32_t d, prefix;
} rr_input;
/* x of some positions and channels, set or added: element (t, c) at to[t * t_step + c * c_step].  Every row passes
 * through `row`, d + 5 bytes. */
void rr_tile_embed(const rr_input *p, const uint8_t *tokens, int32_t puzzle, int32_t position, int32_t positions,
                   int32_t channel, int32_t channels, uint8_t *row, int32_t *to, int32_t t_step, int32_t c_step, int add);

/* rr_change between int8 carries, in state units. */
void rr_change_s8(const int8_t *a, const int8_t *b, int32_t n, const rr_factor *to_state, int64_t *out);
/* How the last run ended: the ACT steps it took, and whether the stop rule ended it. Defined by the plan. */
extern int32_t rr_steps_taken, rr_stopped;

void rr_tile_argmax(const int32_t *logits, int32_t rows, int32_t cols, uint8_t *out);

#endif
