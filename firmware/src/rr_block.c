/* Sublayers and blocks.  Twin of refimpl/models/blocks.py.
 *
 * h stays one int32 array (positions, hidden) that every sublayer updates in place; the MLP token mixer
 * reads its columns as rows through strides, so nothing is transposed in memory. */
#include "rr_abi.h"
#include "rr_block.h"
#include "rr_norm.h"

void *rr_alloc(rr_arena *arena, int32_t bytes)
{
    void *p = arena->base + arena->used;
    arena->used += ((uint32_t)bytes + 7u) & ~7u;
    if (arena->used > arena->peak) arena->peak = arena->used;
    return p;
}

static int32_t rr_row[RR_MAX_NORM_SIZE];
static int16_t rr_normed[RR_MAX_NORM_SIZE];

/* Row r of a view of h. */
typedef struct {
    int32_t *h;
    int32_t rows, size, row_stride, stride;
} rr_view;

static void rr_gather(const rr_view *v, int32_t r)
{
    const int32_t *from = v->h + r * v->row_stride;
    for (int32_t i = 0; i < v->size; i++, from += v->stride) rr_row[i] = *from;
}

static void *rr_quantized(const rr_view *v, const rr_rescale_leaf *p, const rr_linear_leaf *reader, int32_t rounding,
                          rr_arena *arena)
{
    void *a = rr_alloc_activations(reader, v->rows * v->size, arena);
    const int common = rr_common(p, reader);
    for (int32_t r = 0; r < v->rows; r++) {
        rr_gather(v, r);
        if (common)
            rr_quantize_s32(rr_row, v->size, p->multiplier, p->shift, rounding, p->output_offset,
                            (int8_t *)a + r * v->size);
        else rr_put_activations(p, reader, rounding, rr_row, v->size, a, r * v->size);
    }
    return a;
}

void *rr_apply(const rr_linear_leaf *leaf, void *a, int32_t rows, rr_arena *arena)
{
    rr_block_job job = leaf->job;
    job.linear.rows = rows;
    job.linear.out = rr_alloc(arena, rows * job.linear.n * (job.linear.out_bits / 8));
    if (leaf->is_block) {
        job.wide = job.values = a;
        job.capacity = rows * job.linear.k;
        rr_block_linear(&job);
    } else {
        job.linear.a = a;
        rr_linear(&job.linear);
    }
    return job.linear.out;
}

/* h = rms_norm(h + y), row by row. */
static void rr_add_and_norm(const rr_view *v, const int32_t *y, const rr_norm_leaf *p, int32_t rounding)
{
    for (int32_t r = 0; r < v->rows; r++) {
        int32_t *to = v->h + r * v->row_stride;
        if (v->stride != 1) rr_gather(v, r);
        rr_add_s32(v->stride == 1 ? to : rr_row, y + r * v->size, v->size, rr_row);
        const rr_norm_scale scale = rr_norm_scale_of(rr_row, v->size, p->gain, p->eps);
        if (!p->coded) {
            rr_norm_run(&scale, rr_row, v->size, to, 32, v->stride);
            continue;
        }
        rr_norm_run(&scale, rr_row, v->size, rr_normed, 16, 1);
        rr_int8_carry(rr_normed, v->size, p->to_code.multiplier, p->to_code.shift, p->to_state.multiplier,
                      p->to_state.shift, rounding, rr_normed);
        for (int32_t i = 0; i < v->size; i++, to += v->stride) *to = rr_normed[i];
    }
}

static void rr_swiglu_run(const rr_swiglu *p, const rr_view *v, int32_t rounding, rr_arena *arena)
{
    static int8_t table[256], gate[RR_MAX_K];
    static int32_t wide[RR_MAX_K];
    const uint32_t mark = arena->used;
    void *a = rr_quantized(v, &p->input, &p->gate_up, rounding, arena);
    int8_t *both = rr_apply(&p->gate_up, a, v->rows, arena);
    const int32_t inner = p->down.job.linear.k;
    /* The product of row r lands at r * inner, which row r / 2 has left behind. */
    const int common = rr_common(&p->product, &p->down);
    void *product = common ? both : rr_alloc_activations(&p->down, v->rows * inner, arena);
    for (int32_t i = 0; i < 256; i++) table[i] = p->silu[i];
    for (int32_t r = 0; r < v->rows; r++) {
        const int8_t *row = both + 2 * r * inner, *up = row + inner;
        rr_silu(row, table, inner, gate);
        if (common) {
            rr_multiply(gate, up, inner, p->product.multiplier, p->product.shift, rounding, p->product.output_offset,
                        both + r * inner);
            continue;
        }
        for (int32_t i = 0; i < inner; i++) wide[i] = gate[i] * up[i];
        rr_put_activations(&p->product, &p->down, rounding, wide, inner, product, r * inner);
    }
    rr_add_and_norm(v, rr_apply(&p->down, product, v->rows, arena), &p->norm, rounding);
    arena->used = mark;
}

/* Mixed values of one head in a format that rr_weighted_values does not write; column `at` of `mixed`. */
static void rr_mix_wide(const rr_attention *p, const int16_t *probabilities, const int8_t *v, int32_t t, int32_t d,
                        int32_t width, int32_t rounding, void *mixed, int32_t at)
{
    for (int32_t r = 0; r < t; r++)
        for (int32_t i = 0; i < d; i++) {
            int32_t acc = 0;
            for (int32_t j = 0; j < t; j++) acc += (probabilities[r * t + j] + 32768) * v[j * d + i];
            rr_put_activations(&p->values, &p->o, rounding, &acc, 1, mixed, r * width + at + i);
        }
}

/* RoPE of (heads, t, d) where they stand, position by position. */
static void rr_rotate(const rr_model *m, int8_t *a, int32_t heads, rr_arena *arena)
{
    const int32_t t = m->positions, d = m->config.hidden_size / m->config.num_heads;
    const uint32_t mark = arena->used;
    int16_t *cos = rr_alloc(arena, 2 * d), *sin = cos + d / 2;
    for (int32_t p = 0; p < t; p++) {
        rr_angles(m->rope_coarse + p / RR_ANGLE_STEP * d, m->rope_fine + p % RR_ANGLE_STEP * d, d / 2, cos, sin);
        for (int32_t head = 0; head < heads; head++) {
            int8_t *row = a + (head * t + p) * d;
            rr_rope(row, cos, sin, 1, 1, d, d / 2, row);
        }
    }
    arena->used = mark;
}

static void rr_attention_run(const rr_model *m, const rr_attention *p, const rr_view *v, rr_arena *arena)
{
    const int32_t t = v->rows, width = v->size, heads = m->config.num_heads, d = width / heads;
    const int32_t rounding = m->config.rounding, part = t * width;
    const uint32_t mark = arena->used;
    void *mixed = rr_alloc_activations(&p->o, part, arena);
    int8_t *qkv = rr_alloc(arena, 3 * part);
    const uint32_t inner_mark = arena->used;
    const int8_t *rows = rr_apply(&p->qkv, rr_quantized(v, &p->input, &p->qkv, rounding, arena), t, arena);
    /* (t, 3, heads, d) -> (3, heads, t, d) */
    for (int32_t block = 0; block < 3 * heads; block++)
        for (int32_t r = 0; r < t; r++)
            for (int32_t i = 0; i < d; i++)
                qkv[(block * t + r) * d + i] = rows[r * 3 * width + block * d + i];
    arena->used = inner_mark;
    if (m->rope_coarse) rr_rotate(m, qkv, 2 * heads, arena); /* k stands behind q */
    int8_t *scores = rr_alloc(arena, t * t), *values = rr_alloc(arena, t * d);
    int16_t *probabilities = rr_alloc(arena, 2 * t * t);
    for (int32_t head = 0; head < heads; head++) {
        const int8_t *q = qkv + head * t * d;
        rr_scores(q, q + part, 1, t, d, p->scores.multiplier, p->scores.shift, rounding, p->scores.output_offset,
                  scores);
        rr_softmax_s8_s16(scores, t, t, p->softmax.multiplier, p->softmax.shift, p->softmax.diff_min, probabilities);
        if (!rr_common(&p->values, &p->o)) {
            rr_mix_wide(p, probabilities, q + 2 * part, t, d, width, rounding, mixed, head * d);
            continue;
        }
        rr_weighted_values(probabilities, q + 2 * part, 1, t, d, p->values.multiplier, p->values.shift, rounding,
                           p->values.output_offset, values);
        for (int32_t r = 0; r < t; r++)
            for (int32_t i = 0; i < d; i++) ((int8_t *)mixed)[r * width + head * d + i] = values[r * d + i];
    }
    arena->used = inner_mark;
    rr_add_and_norm(v, rr_apply(&p->o, mixed, t, arena), &p->norm, rounding);
    arena->used = mark;
}

void rr_block_run(const rr_model *m, const rr_block *p, int32_t *h, rr_arena *arena)
{
    const int32_t t = m->positions, d = m->config.hidden_size;
    const rr_view by_position = {h, t, d, d, 1}, by_channel = {h, d, t, 1, d};
    if (m->config.mlp_t) rr_swiglu_run(&p->mlp_t, &by_channel, m->config.rounding, arena);
    else rr_attention_run(m, &p->attn, &by_position, arena);
    rr_swiglu_run(&p->channel, &by_position, m->config.rounding, arena);
}

void rr_stack_run(const rr_model *model, const rr_block *blocks, int32_t layers, int16_t *z, const int16_t *inject,
                  const int32_t *x, rr_arena *arena)
{
    const int32_t size = model->positions * model->config.hidden_size;
    const uint32_t mark = arena->used;
    int32_t *h = rr_alloc(arena, 4 * size);
    for (int32_t i = 0; i < size; i++) h[i] = z[i];
    if (inject) rr_add_s16(inject, h, size, h);
    if (x) rr_add_s32(h, x, size, h);
    for (int32_t i = 0; i < layers; i++) rr_block_run(model, &blocks[i], h, arena);
    for (int32_t i = 0; i < size; i++) z[i] = (int16_t)h[i]; /* the last norm left int16 values */
    arena->used = mark;
}
