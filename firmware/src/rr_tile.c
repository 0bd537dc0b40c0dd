/* Operators on tiles: sums, activations, linears, input rows. */
#include "rr_tile.h"

#include <string.h>

#include "rr_dot.h"
#include "rr_fixed.h"
#include "rr_jobs.h"
#include "rr_norm.h"

rr_rescaler rr_rescaler_by(const rr_factor *p)
{
    return rr_rescaler_of(p->multiplier, p->shift, rr_rounding, p->offset, p->bits);
}

void rr_sum_s32(int32_t *to, const int32_t *from, int32_t row, int32_t col, int32_t rows, int32_t cols, int add)
{
    for (int32_t r = 0; r < rows; r++, from += row, to += cols) {
        const int32_t *at = from;
        if (add)
            for (int32_t c = 0; c < cols; c++, at += col) to[c] += *at;
        else
            for (int32_t c = 0; c < cols; c++, at += col) to[c] = *at;
    }
}

void rr_sum_s16(int32_t *to, const int16_t *from, int32_t row, int32_t col, int32_t rows, int32_t cols, int add)
{
    for (int32_t r = 0; r < rows; r++, from += row, to += cols) {
        const int16_t *at = from;
        if (add)
            for (int32_t c = 0; c < cols; c++, at += col) to[c] += *at;
        else
            for (int32_t c = 0; c < cols; c++, at += col) to[c] = *at;
    }
}

enum { RR_AT_ONCE = 32 }; /* values widened to int32 on the stack */

/* `count` int8 values, `col` apart, by a factor, as int32. */
static void rr_scaled_s8(const int8_t *from, int32_t col, int32_t count, const rr_rescaler *by, int32_t *wide)
{
    for (int32_t c = 0; c < count; c++) wide[c] = from[c * col];
    rr_rescale_run(by, wide, count, wide, 1);
}

/* int8 codes as state units, which are int16, in int32. */
static rr_rescaler rr_to_state(const rr_factor *p)
{
    rr_rescaler by = rr_rescaler_of(p->multiplier, p->shift, rr_rounding, 0, 16);
    by.out_bits = 32;
    return by;
}

void rr_sum_s8(int32_t *to, const int8_t *from, int32_t row, int32_t col, int32_t rows, int32_t cols,
               const rr_factor *to_state, int add)
{
    const rr_rescaler by = rr_to_state(to_state);
    int32_t wide[RR_AT_ONCE];
    for (int32_t r = 0; r < rows; r++, from += row, to += cols)
        for (int32_t start = 0; start < cols; start += RR_AT_ONCE) {
            const int32_t count = rr_least(RR_AT_ONCE, cols - start);
            rr_scaled_s8(from + start * col, col, count, &by, wide);
            for (int32_t c = 0; c < count; c++) to[start + c] = (add ? to[start + c] : 0) + wide[c];
        }
}

void rr_codes_s32(void *to, const int32_t *from, int32_t rows, int32_t cols, const rr_factor *p)
{
    const rr_rescaler by = rr_rescaler_by(p);
    rr_rescale_run(&by, from, rows * cols, to, 1);
}

void rr_codes_s16(void *to, const int16_t *from, int32_t row, int32_t col, int32_t rows, int32_t cols,
                  const rr_factor *p)
{
    const rr_rescaler by = rr_rescaler_by(p);
    const int32_t size = p->bits <= 8 ? 1 : 2;
    int8_t *out = to;
    int32_t wide[RR_AT_ONCE];
    for (int32_t r = 0; r < rows; r++, from += row, out += cols * size)
        for (int32_t start = 0; start < cols; start += RR_AT_ONCE) {
            const int32_t count = rr_least(RR_AT_ONCE, cols - start);
            for (int32_t c = 0; c < count; c++) wide[c] = from[(start + c) * col];
            rr_rescale_run(&by, wide, count, out + start * size, 1);
        }
}

void rr_codes_s8(void *to, const int8_t *from, int32_t row, int32_t col, int32_t rows, int32_t cols,
                 const rr_factor *to_state, const rr_factor *p)
{
    const rr_rescaler by = rr_rescaler_by(p), in = rr_to_state(to_state);
    const int32_t size = p->bits <= 8 ? 1 : 2;
    int8_t *out = to;
    int32_t wide[RR_AT_ONCE];
    for (int32_t r = 0; r < rows; r++, from += row, out += cols * size)
        for (int32_t start = 0; start < cols; start += RR_AT_ONCE) {
            const int32_t count = rr_least(RR_AT_ONCE, cols - start);
            rr_scaled_s8(from + start * col, col, count, &in, wide);
            rr_rescale_run(&by, wide, count, out + start * size, 1);
        }
}

void rr_norm_s16(int16_t *to, int32_t row, int32_t col, const int32_t *h, int32_t rows, int32_t cols, int32_t gain,
                 int32_t eps)
{
    for (int32_t r = 0; r < rows; r++, h += cols, to += row) {
        const rr_norm_scale scale = rr_norm_scale_of(h, cols, gain, eps);
        rr_norm_run(&scale, h, cols, to, 16, col);
    }
}

void rr_norm_s8(int8_t *to, int32_t row, int32_t col, const int32_t *h, int32_t rows, int32_t cols, int32_t gain,
                int32_t eps, const rr_factor *to_code)
{
    const rr_rescaler by = rr_rescaler_by(to_code);
    int32_t normed[RR_AT_ONCE];
    for (int32_t r = 0; r < rows; r++, h += cols, to += row) {
        const rr_norm_scale scale = rr_norm_scale_of(h, cols, gain, eps);
        for (int32_t start = 0; start < cols; start += RR_AT_ONCE) {
            const int32_t count = rr_least(RR_AT_ONCE, cols - start);
            rr_norm_run(&scale, h + start, count, normed, 32, 1);
            rr_rescale_run(&by, normed, count, to + start * col, col);
        }
    }
}

/* Constants of output i of n, as a plan brings them into RAM. */
static rr_rescaler rr_output_by(const uint8_t *scales, int32_t n, int32_t i, int32_t biased, int32_t out_bits)
{
    const int32_t shift = ((const int8_t *)scales)[(biased ? 8 : 4) * n + i];
    rr_rescaler o = rr_rescaler_of((int32_t)rr_load_word(scales + 4 * i), shift, rr_rounding, 0, out_bits);
    if (biased) o.bias = (int32_t)rr_load_word(scales + 4 * (n + i));
    return o;
}

static void rr_put_sums(const rr_tile *p, const rr_sums *sums, int32_t i, int32_t r, int32_t count, int32_t output)
{
    if (p->mode == RR_RESCALED) {
        const rr_rescaler o = rr_output_by(p->scales, p->parts * p->n, output, p->biased, p->out_bits);
        const int32_t size = p->out_bits / 8;
        rr_rescale_run(&o, sums->of[i], count, (int8_t *)p->out + (r * p->out_row + output) * size, p->out_row);
        return;
    }
    int32_t *to = (int32_t *)p->out + r * p->out_row + output;
    const int32_t *from = sums->of[i], *const end = from + count;
    const int32_t row = p->out_row;
    if (p->mode == RR_ADD)
        for (; from < end; to += row) *to += *from++;
    else
        for (; from < end; to += row) *to = *from++;
}

void rr_tile_linear(const rr_tile *p)
{
    for (int32_t part = 0; part < p->parts; part++) {
        const uint8_t *codes = p->codes + part * p->part_bytes;
        rr_codes reader = {codes, p->bits, 0, 0};
        for (int32_t col = 0; col < p->n; col += 2) {
            const int32_t pair = col + 1 < p->n;
            for (int32_t i = 0; i <= pair; i++) {
                if (p->row_bytes) {
                    const rr_codes at = {codes + (col + i) * p->row_bytes, p->bits, 0, 0};
                    reader = at;
                }
                rr_stage_row(&reader, p->k, i);
            }
            for (int32_t r = 0; r < p->rows; r += RR_DOT_ROWS) {
                rr_sums sums;
                const int32_t count = rr_least(RR_DOT_ROWS, p->rows - r);
                rr_dot_rows((const int8_t *)p->a + r * p->a_row, p->a_row, count, p->k, &sums);
                for (int32_t i = 0; i <= pair; i++) rr_put_sums(p, &sums, i, r, count, part * p->n + col + i);
            }
        }
    }
}

void rr_tile_finish(int32_t *sums, int32_t rows, int32_t n, const uint8_t *scales, int32_t biased)
{
    for (int32_t i = 0; i < n; i++) {
        const rr_rescaler o = rr_output_by(scales, n, i, biased, 32);
        int32_t column[RR_AT_ONCE];
        for (int32_t r = 0; r < rows; r += RR_AT_ONCE) {
            const int32_t count = rr_least(RR_AT_ONCE, rows - r);
            for (int32_t t = 0; t < count; t++) column[t] = sums[(r + t) * n + i];
            rr_rescale_run(&o, column, count, sums + r * n + i, n);
        }
    }
}

void rr_tile_silu(int8_t *gate, int32_t row, int32_t rows, int32_t cols, const int8_t *table)
{
    for (int32_t r = 0; r < rows; r++, gate += row)
        for (int32_t c = 0; c < cols; c++) gate[c] = table[gate[c] + 128];
}

void rr_tile_multiply(int8_t *gate, const int8_t *up, int32_t row, int32_t rows, int32_t cols, const rr_factor *p)
{
    const rr_rescaler by = rr_rescaler_by(p);
    int32_t products[RR_AT_ONCE];
    for (int32_t r = 0; r < rows; r++, gate += row, up += row)
        for (int32_t start = 0; start < cols; start += RR_AT_ONCE) {
            const int32_t count = rr_least(RR_AT_ONCE, cols - start);
            for (int32_t c = 0; c < count; c++) products[c] = (int32_t)gate[start + c] * up[start + c];
            rr_rescale_run(&by, products, count, gate + start, 1);
        }
}

void rr_tile_angles(const uint8_t *coarse, const uint8_t *fine, int32_t position, int32_t rows, int32_t half,
                    int32_t *angles, int16_t *cos_sin)
{
    const int32_t row = 8 * half; /* bytes */
    for (int32_t r = 0; r < rows; r++) {
        const int32_t block = (position + r) / RR_ANGLE_STEP, within = (position + r) % RR_ANGLE_STEP;
        if (r == 0 || within == 0) rr_fetch(angles, coarse + block * row, (uint32_t)row);
        rr_fetch(angles + 2 * half, fine + within * row, (uint32_t)row);
        rr_angles(angles, angles + 2 * half, half, cos_sin + r * half, cos_sin + (rows + r) * half);
    }
}

void rr_tile_rope(const int8_t *from, int32_t from_head, int32_t from_row, const int16_t *cos_sin, int32_t heads,
                  int32_t rows, int32_t half, int8_t *to, int32_t to_head, int32_t to_row)
{
    const int16_t *cos = cos_sin, *sin = cos_sin + rows * half;
    for (int32_t h = 0; h < heads; h++)
        for (int32_t r = 0; r < rows; r++) {
            const int8_t *a = from + h * from_head + r * from_row;
            int8_t *b = to + h * to_head + r * to_row;
            for (int32_t j = 0; j < half; j++) {
                const int32_t c = cos[r * half + j], s = sin[r * half + j], x = a[j], y = a[j + half];
                b[j] = rr_saturate8(rr_shift_round(x * c - y * s, 14));
                b[j + half] = rr_saturate8(rr_shift_round(y * c + x * s, 14));
            }
        }
}

void rr_tile_copy(const int8_t *from, int32_t from_head, int32_t from_row, int32_t heads, int32_t rows, int32_t cols,
                  int8_t *to, int32_t to_head, int32_t to_row)
{
    for (int32_t h = 0; h < heads; h++)
        for (int32_t r = 0; r < rows; r++)
            memcpy(to + h * to_head + r * to_row, from + h * from_head + r * from_row, (size_t)cols);
}

typedef struct {
    int32_t position, channel, channels, d;
    uint8_t *row;
    int32_t *to;
    int32_t c_step;
} rr_row_job;

/* Add the wanted channels of one row of a table. */
static void rr_add_row(const rr_rows *table, int32_t index, const rr_row_job *p)
{
    rr_fetch(p->row, table->codes + index * p->d + p->channel, (uint32_t)p->channels);
    rr_fetch(p->row + p->d, table->multiplier + 4 * index, 4);
    rr_fetch(p->row + p->d + 4, table->shift + index, 1);
    const int32_t multiplier = (int32_t)rr_load_word(p->row + p->d), shift = ((const int8_t *)p->row)[p->d + 4];
    const rr_rescaler by = rr_rescaler_of(multiplier, shift, rr_rounding, 0, 32);
    for (int32_t start = 0; start < p->channels; start += RR_AT_ONCE) {
        int32_t wide[RR_AT_ONCE], *to = p->to + start * p->c_step;
        const int32_t count = rr_least(RR_AT_ONCE, p->channels - start);
        rr_scaled_s8((const int8_t *)p->row + start, 1, count, &by, wide);
        for (int32_t c = 0; c < count; c++) to[c * p->c_step] += wide[c];
    }
}

void rr_tile_embed(const rr_input *p, const uint8_t *tokens, int32_t puzzle, int32_t position, int32_t positions,
                   int32_t channel, int32_t channels, uint8_t *row, int32_t *to, int32_t t_step, int32_t c_step, int add)
{
    for (int32_t t = position; t < position + positions; t++, to += t_step) {
        const rr_row_job job = {t, channel, channels, p->d, row, to, c_step};
        for (int32_t c = 0; !add && c < channels; c++) to[c * c_step] = 0;
        if (t >= p->prefix) rr_add_row(&p->tokens, tokens[t - p->prefix], &job);
        if (t == 0 && p->puzzles.codes) rr_add_row(&p->puzzles, puzzle, &job);
        if (p->positions.codes) rr_add_row(&p->positions, t, &job);
    }
}

void rr_tile_argmax(const int32_t *logits, int32_t rows, int32_t cols, uint8_t *out)
{
    for (int32_t r = 0; r < rows; r++, logits += cols) {
        int32_t best = 0;
        for (int32_t c = 1; c < cols; c++)
            if (logits[c] > logits[best]) best = c;
        out[r] = (uint8_t)best;
    }
}

void rr_change_s8(const int8_t *a, const int8_t *b, int32_t n, const rr_factor *to_state, int64_t *out)
{
    out[0] = out[1] = 0;
    for (int32_t i = 0; i < n; i++) {
        const int32_t first = rr_saturate16(rr_scale(a[i], to_state->multiplier, to_state->shift, rr_rounding));
        const int32_t second = rr_saturate16(rr_scale(b[i], to_state->multiplier, to_state->shift, rr_rounding));
        const int32_t moved = first < second ? second - first : first - second;
        out[0] += moved;
        if (moved > out[1]) out[1] = moved;
    }
}
