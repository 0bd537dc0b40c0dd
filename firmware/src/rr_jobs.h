/* Requests as structures, for callers that read parameters in place: the flash image stores shifts as
 * int8, the ABI passes them as int32. Exactly one of shift and shift8 is set. */
#ifndef RR_JOBS_H
#define RR_JOBS_H

#include "rr_rescale.h"

typedef struct {
    const int8_t *a;
    const uint8_t *codes; /* packed codes of `bits` bits, 2 to 8 */
    int32_t bits;
    const int32_t *bias; /* or NULL */
    const int32_t *multiplier, *shift;
    const int8_t *shift8;
    int32_t rows, n, k, rounding, output_offset, out_bits;
    void *out;
} rr_linear_job;

/* Whether the job keeps the contract; a model is checked once, when it is loaded. */
int rr_linear_valid(const rr_linear_job *p);
/* Run a valid job: codes, multipliers, shifts and biases are each read once, whatever `rows` is. */
void rr_linear(const rr_linear_job *p);

/* One head: int8 scores (rows, keys) of `rows` queries, and values (rows, d) of their probabilities + 32768; a
 * query, and a row of values, stands q_row, out_row after the one before.
 * Each key and each column of v is staged once for all rows (a column once for every RR_DOT_ROWS rows). */
void rr_scores_rows(const int8_t *q, int32_t q_row, int32_t rows, const int8_t *k, int32_t keys, int32_t d,
                    const rr_rescaler *p, int8_t *out);
void rr_values_rows(const int16_t *probabilities, int32_t rows, const int8_t *v, int32_t keys, int32_t d,
                    const rr_rescaler *p, void *out, int32_t out_row);

enum { RR_STATIC = 0, RR_TOKEN = 1, RR_MX = 2, RR_MX_BLOCK = 32 };

/* What the byte of a block means (FACTORS of refimpl/block_params.py). */
enum { RR_SCALE = 0, RR_EXPONENT = 1, RR_SIGNED = 2 };

/* Scale of a row of codes: absmax = multiplier * 2^(shift - 31) of int8, 2^shift of MX with multiplier 0. */
typedef struct {
    int32_t multiplier, shift;
} rr_row_scale;
/* Quantize a row of values of the kind RR_TOKEN or RR_MX; RR_STATIC copies. */
rr_row_scale rr_online_row(const int32_t *a, int32_t k, int32_t activations, int32_t *values);
/* The same as int8 codes; of MX each RR_MX_BLOCK of them are to be multiplied by 2 to the power of their exponent. */
rr_row_scale rr_online_codes(const int32_t *a, int32_t k, int32_t activations, int8_t *codes, uint8_t *exponents);
/* A sum as the output of multiplier and shift, combined with the scale of its row. */
int64_t rr_online_output(int64_t acc, int32_t multiplier, int32_t shift, rr_row_scale scale, int32_t activations);

/* A linear over zero points, groups or MX blocks; linear.a is unused, `wide` holds codes or values.
 * `values` is a workspace of `capacity` >= k numbers for quantized rows: the more rows it holds, the fewer
 * passes over the weights. It may be `wide` itself, which is then overwritten. */
typedef struct {
    rr_linear_job linear;
    const int32_t *wide;
    int32_t *values;
    int32_t capacity;
    const int8_t *zero_point; /* or NULL */
    const uint8_t *block_scale; /* (n, blocks), or NULL */
    int32_t block, blocks, factors, activations; /* factors: what the byte of a block means, see rr_block_factor */
} rr_block_job;

/* Factor of the weights of block number `at` (row * blocks + block). */
int32_t rr_block_factor(const rr_block_job *p, int32_t at);
int rr_block_linear_valid(const rr_block_job *p);
void rr_block_linear(const rr_block_job *p);

enum { RR_ANGLE_STEP = 32 }; /* positions between two rows of the coarse table */

/* cos and sin (half each, Q1.14) of the sum of two angles, given as half cosines and half sines in Q30.
 * Twin of refimpl/angles.py. */
void rr_angles(const int32_t *coarse, const int32_t *fine, int32_t half, int16_t *cos, int16_t *sin);

typedef struct {
    const int8_t *codes; /* NULL: the model has no such table */
    const int32_t *multiplier, *shift;
    const int8_t *shift8;
    int32_t rows;
} rr_table;

typedef struct {
    const int32_t *tokens;
    rr_table token, position, puzzle;
    int32_t seq, d, prefix, puzzle_id, rounding;
} rr_embed_job;

/* Whether multipliers, shifts and shapes keep the contract, and whether the tokens and puzzle exist. */
int rr_embed_tables_valid(const rr_embed_job *p);
int rr_embed_input_valid(const rr_embed_job *p);
/* Run a valid job; every row is read once for each position that shows it. */
void rr_embed_rows(const rr_embed_job *p, int32_t *out);

#endif
