/* OP-BLOCK-LINEAR on rows of codes and a tile, for rr_tile_block.c and, with RR_ONLINE, for rr_tile_online.c: what only one
 * of them needs is not in the other's program.
 *
 * A row goes piece by piece: within a piece the factor is one number and 32 bits hold the sum, so the inner kernels of
 * rr_dot.h do all the products; pieces are added up in 64 bits. */
#ifndef RR_BLOCK_ROWS_H
#define RR_BLOCK_ROWS_H

#include <string.h>

#include "rr_dot.h"
#include "rr_fixed.h"
#include "rr_jobs.h"
#include "rr_tile.h"

enum {
    /* Inputs that are staged at once, of longer rows: int8 activations, then int16 ones, the sum of whose products with
     * weights of 9 bits keeps to 32 bits; fewer where the model's rows have no room for them. */
    RR_PIECE = RR_MAX_K < 512 ? RR_MAX_K : 512,
    RR_WIDE_PIECE = RR_STAGED_KEYS < 248 ? RR_STAGED_KEYS : 248,
#if defined(RR_ONLINE)
    RR_BLOCK_ROWS = 4, /* rows whose sums are kept at once */
#else
    RR_BLOCK_ROWS = RR_DOT_ROWS,
#endif
};

/* Sums of a chunk of rows with two outputs, of one piece and of all, and of the activations of each row. */
static rr_sums rr_piece_sums;
static int64_t rr_acc[2][RR_BLOCK_ROWS];
static int32_t rr_row_sums[RR_BLOCK_ROWS];

static const uint8_t *rr_bytes_of(const rr_block_tile *p)
{
    return p->tile.scales + p->tile.parts * p->tile.n * (p->tile.biased ? 8 : 4);
}

static int32_t rr_tile_zero(const rr_block_tile *p, int32_t output)
{
    return p->zeros ? ((const int8_t *)rr_bytes_of(p))[p->tile.parts * p->tile.n + output] : 0;
}

/* The factor of the weights of an output at an input, counted from the beginning of the row in the image. */
static int32_t rr_tile_block_factor(const rr_block_tile *p, int32_t output, int32_t input)
{
    if (!p->block) return 1;
    const uint8_t *factors = rr_bytes_of(p) + p->tile.parts * p->tile.n * (p->zeros ? 2 : 1);
    const int32_t stored = factors[output * p->blocks + input / p->block];
    if (p->factors == RR_SIGNED) return (stored ^ 128) - 128;
    return p->factors == RR_EXPONENT ? 1 << stored : stored;
}

static rr_codes rr_tile_codes(const rr_tile *p, const uint8_t *codes, int32_t row)
{
    if (!p->row_bytes) return rr_codes_at(codes, p->bits, (uint32_t)(row * p->k));
    return rr_codes_at(codes + row * p->row_bytes, p->bits, 0);
}

/* What the last rounding of an output needs, read once for all rows. */
typedef struct {
    int32_t multiplier, shift, bias, top;
} rr_output;

static rr_output rr_output_of(const rr_block_tile *p, int32_t output)
{
    const rr_tile *q = &p->tile;
    const int32_t outputs = q->parts * q->n;
    const rr_output of = {(int32_t)rr_load_word(q->scales + 4 * output), ((const int8_t *)rr_bytes_of(p))[output],
                          q->biased ? (int32_t)rr_load_word(q->scales + 4 * (outputs + output)) : 0,
                          q->out_bits == 8 ? 127 : INT32_MAX};
    return of;
}

static void rr_put_biased(const rr_output *of, int64_t y, void *out, int32_t at, int32_t out_bits)
{
    const int32_t biased = rr_saturate(y + of->bias, -of->top - 1, of->top);
    if (out_bits == 8) ((int8_t *)out)[at] = (int8_t)biased;
    else ((int32_t *)out)[at] = biased;
}

#if defined(RR_ONLINE)

/* What a linear that quantizes its rows itself knows of them: a scale each, and, for MX, the exponent of each RR_MX_BLOCK
 * codes, `blocks` a row, or NULL. */
typedef struct {
    const rr_row_scale *scales;
    const uint8_t *exponents;
    int32_t blocks;
} rr_online_rows;

#else

typedef void rr_online_rows; /* none: the scale of the activations is static */

/* Sums as outputs of one scale, as rr_requantize_wide_one has them; a sum that keeps to 32 bits takes one product. */
static void rr_put_wide(const rr_output *of, const int64_t *acc, int32_t count, void *out, int32_t out_row, int32_t out_bits)
{
    int32_t reduced = (int32_t)(((int64_t)of->multiplier + (1 << 15)) >> 16);
    const int32_t right = 14 - of->shift;
    if (reduced > 32767) reduced = 32767;
    for (int32_t t = 0; t < count; t++) {
        const int32_t low = (int32_t)acc[t];
        int64_t y;
        if (low == acc[t] && right >= 0) y = ((((int64_t)low * reduced) >> (right > 62 ? 62 : right)) + 1) >> 1;
        else y = rr_requantize_wide_one(acc[t], of->multiplier, of->shift);
        rr_put_biased(of, y, out, t * out_row, out_bits);
    }
}

static void rr_stage_wide(rr_codes *codes, int32_t zero, int32_t size, int32_t i)
{
    int16_t *to = rr_stage.columns[i];
    int32_t k = 0;
    for (; k < size; k++) to[k] = (int16_t)(rr_next_code(codes) - zero);
    for (; k & 7; k++) to[k] = 0;
}

#endif

/* Inputs from `k` on that one piece takes; `k` counts from the beginning of the row in the image. */
static int32_t rr_piece(const rr_block_tile *p, const rr_online_rows *online, int32_t k)
{
    int32_t size = rr_least(p->first + p->tile.k - k, p->a_bits == 8 ? RR_PIECE : RR_WIDE_PIECE);
    if (p->block) size = rr_least(size, p->block - k % p->block);
#if defined(RR_ONLINE)
    if (online->exponents) size = rr_least(size, RR_MX_BLOCK - k % RR_MX_BLOCK);
#else
    (void)online;
#endif
    return size;
}

/* Set rr_piece_sums to the products of `size` inputs, those from `at` on of the activations, with the next codes. */
static void rr_piece_products(const rr_block_tile *p, rr_codes codes[2], int32_t at, int32_t count, int32_t size,
                              int32_t output, int32_t pair)
{
#if defined(RR_ONLINE)
    (void)output;
#else
    if (p->a_bits != 8) {
        for (int32_t i = 0; i <= pair; i++) rr_stage_wide(&codes[i], rr_tile_zero(p, output + i), size, i);
        memset(&rr_piece_sums, 0, sizeof rr_piece_sums);
        rr_dot_columns((const int16_t *)p->tile.a + at, p->tile.a_row, count, size, &rr_piece_sums);
        return;
    }
#endif
    for (int32_t i = 0; i <= pair; i++) rr_stage_row(&codes[i], size, i);
    rr_dot_rows((const int8_t *)p->tile.a + at, p->tile.a_row, count, size, &rr_piece_sums);
}

#if defined(RR_ONLINE)
/* Add the sums of a piece, scaled by the exponents of its rows; the zero point's share, which is scaled as they are, is
 * taken off here. */
static void rr_add_mx(const rr_block_tile *p, const rr_online_rows *online, int32_t i, int32_t output, int32_t r,
                      int32_t count, int32_t k, int32_t size)
{
    const int32_t factor = rr_tile_block_factor(p, output, k), zero = rr_tile_zero(p, output);
    const uint8_t *e = online->exponents + r * online->blocks + k / RR_MX_BLOCK;
    const int8_t *a = (const int8_t *)p->tile.a + r * p->tile.a_row + k - p->first;
    for (int32_t t = 0; t < count; t++, e += online->blocks, a += p->tile.a_row) {
        int32_t sum = rr_piece_sums.of[i][t];
        for (int32_t j = 0; zero && j < size; j++) sum -= zero * a[j];
        rr_acc[i][t] += (int64_t)factor * sum * (1 << *e);
    }
}
#endif

/* Set rr_acc to the products of rows r .. r + count with outputs output .. output + pair. */
static void rr_block_pair(const rr_block_tile *p, const rr_online_rows *online, rr_codes codes[2], int32_t r, int32_t count,
                          int32_t output, int32_t pair)
{
    const int32_t end = p->first + p->tile.k;
    int32_t zeros = p->zeros && p->a_bits == 8;
    for (int32_t i = 0; i <= pair; i++) memset(rr_acc[i], 0, (size_t)count * sizeof rr_acc[i][0]);
    for (int32_t k = p->first, size; k < end; k += size) {
        size = rr_piece(p, online, k);
        rr_piece_products(p, codes, r * p->tile.a_row + k - p->first, count, size, output, pair);
        for (int32_t i = 0; i <= pair; i++) {
#if defined(RR_ONLINE)
            if (online->exponents) {
                rr_add_mx(p, online, i, output + i, r, count, k, size);
                zeros = 0;
                continue;
            }
#endif
            const int32_t factor = rr_tile_block_factor(p, output + i, k);
            for (int32_t t = 0; t < count; t++) rr_acc[i][t] += (int64_t)factor * rr_piece_sums.of[i][t];
        }
    }
    for (int32_t i = 0; zeros && i <= pair; i++) {
        const int64_t zero = rr_tile_zero(p, output + i);
        for (int32_t t = 0; zero && t < count; t++) rr_acc[i][t] -= zero * rr_row_sums[t];
    }
}

static void rr_put_block(const rr_block_tile *p, const rr_online_rows *online, int32_t i, int32_t r, int32_t count,
                         int32_t output)
{
    const rr_tile *q = &p->tile;
    const int32_t at = r * q->out_row + output;
    if (q->mode == RR_RESCALED) {
        const rr_output of = rr_output_of(p, output);
        void *out = (int8_t *)q->out + at * (q->out_bits / 8);
#if defined(RR_ONLINE)
        for (int32_t t = 0; t < count; t++) {
            const int64_t y = rr_online_output(rr_acc[i][t], of.multiplier, of.shift, online->scales[r + t], p->online);
            rr_put_biased(&of, y, out, t * q->out_row, q->out_bits);
        }
#else
        (void)online;
        rr_put_wide(&of, rr_acc[i], count, out, q->out_row, q->out_bits);
#endif
    } else if (p->sum_bits == 64) {
        int64_t *to = (int64_t *)q->out + at;
        for (int32_t t = 0; t < count; t++, to += q->out_row) *to = (q->mode == RR_ADD ? *to : 0) + rr_acc[i][t];
    } else {
        int32_t *to = (int32_t *)q->out + at;
        for (int32_t t = 0; t < count; t++, to += q->out_row)
            *to = (int32_t)((q->mode == RR_ADD ? *to : 0) + rr_acc[i][t]);
    }
}

/* The products of rows of codes with a tile. */
static void rr_block_rows(const rr_block_tile *p, const rr_online_rows *online)
{
    const rr_tile *q = &p->tile;
    for (int32_t r = 0; r < q->rows; r += RR_BLOCK_ROWS) {
        const int32_t count = rr_least(RR_BLOCK_ROWS, q->rows - r);
        for (int32_t t = 0; p->zeros && p->a_bits == 8 && t < count; t++) {
            const int8_t *a = (const int8_t *)q->a + (r + t) * q->a_row;
            rr_row_sums[t] = 0;
            for (int32_t k = 0; k < q->k; k++) rr_row_sums[t] += a[k];
        }
        for (int32_t part = 0; part < q->parts; part++) {
            const uint8_t *codes = q->codes + part * q->part_bytes;
            for (int32_t col = 0; col < q->n; col += 2) {
                const int32_t pair = col + 1 < q->n, output = part * q->n + col;
                rr_codes readers[2] = {rr_tile_codes(q, codes, col), rr_tile_codes(q, codes, col + pair)};
                rr_block_pair(p, online, readers, r, count, output, pair);
                for (int32_t i = 0; i <= pair; i++) rr_put_block(p, online, i, r, count, output + i);
            }
        }
    }
}

#endif
