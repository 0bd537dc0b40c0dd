/* No accumulator of a loaded model can overflow, whatever the puzzle and the depth. */
#include "rr_bounds.h"

#include "rr_dot.h"
#include "rr_fixed.h"

enum { RR_ACTIVATION_MAX = 128, RR_TOKEN_MAX = 127, RR_MX_MAX = 7, RR_MX_SPAN = 15, RR_ROUNDED = 2 };
static const int64_t RR_WORD = (int64_t)1 << 31, RR_WIDE = (int64_t)1 << 47, RR_FAR = (int64_t)1 << 62;

typedef struct {
    const rr_model *model;
    const char *level, *layer, *part; /* e.g. "L", ".0.", "mlp." of the site that is looked at */
    char *problem;
    const char *end;
} rr_prover;

/* 128 bits, low word first: products of a row sum, an activation and a multiplier are longer than 64. */
typedef struct {
    uint32_t word[4];
} rr_product;

static rr_product rr_product_of(uint64_t x)
{
    const rr_product a = {{(uint32_t)x, (uint32_t)(x >> 32), 0, 0}};
    return a;
}

static rr_product rr_times(rr_product a, uint32_t b)
{
    uint64_t carry = 0;
    for (int i = 0; i < 4; i++) {
        carry += (uint64_t)a.word[i] * b;
        a.word[i] = (uint32_t)carry;
        carry >>= 32;
    }
    return a;
}

/* a >> shift for shift 1 .. 62; RR_FAR for anything beyond it. */
static int64_t rr_right(rr_product a, int32_t shift)
{
    const int32_t words = shift / 32, bits = shift % 32;
    uint32_t w[4];
    for (int32_t i = 0; i < 4; i++) {
        const uint64_t low = i + words < 4 ? a.word[i + words] : 0, high = i + words < 3 ? a.word[i + words + 1] : 0;
        w[i] = (uint32_t)((high << 32 | low) >> bits);
    }
    if (w[3] || w[2] || w[1] >> 30) return RR_FAR;
    return (int64_t)((uint64_t)w[1] << 32 | w[0]);
}

static int64_t rr_larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t rr_size_of(int64_t x)
{
    return x < 0 ? -x : x;
}

static void rr_broken(const rr_prover *p, const char *leaf, const char *what)
{
    const char *const parts[5] = {p->level, p->layer, p->part, leaf, what};
    char *at = p->problem;
    if (*at) return;
    for (int i = 0; i < 5; i++) at = rr_append(at, p->end, parts[i]);
}

/* Sum of |weight| of one row. */
static uint64_t rr_row_sum(const rr_linear_leaf *p, int32_t row)
{
    const rr_block_job *job = &p->job;
    const rr_linear_job *q = &job->linear;
    const int32_t zero = job->zero_point ? job->zero_point[row] : 0;
    uint64_t sum = 0;
    rr_codes codes = rr_codes_at(q->codes, q->bits, (uint32_t)(row * q->k));
    for (int32_t i = 0; i < q->k; i++) {
        const int32_t code = rr_next_code(&codes);
        uint64_t weight = (uint64_t)rr_size_of(code - zero);
        if (job->block_scale) {
            weight *= (uint64_t)rr_size_of(rr_block_factor(job, row * job->blocks + i / job->block));
        }
        sum += weight;
    }
    return sum;
}

/* What the outputs of a linear can reach: the largest of them, and with h beside each the sum of their squares,
 * which stops growing beyond 2^63. */
typedef struct {
    int64_t largest;
    uint64_t squares;
} rr_outputs;

static uint64_t rr_add_square(uint64_t squares, int64_t sum)
{
    const uint64_t most = (uint64_t)1 << 63;
    if (sum >= RR_WORD || squares >= most) return most;
    return squares + (uint64_t)sum * (uint64_t)sum; /* below 2^63 + 2^62 */
}

/* Bounds of a linear, its input coming through `entry` from values up to `wide_max`, its outputs beside h. */
static rr_outputs rr_linear_bound(const rr_prover *p, const char *name, const rr_linear_leaf *leaf,
                                  const rr_rescale_leaf *entry, int64_t wide_max, int64_t h)
{
    const rr_linear_job *q = &leaf->job.linear;
    const int32_t online = leaf->job.activations;
    const uint32_t in_max = entry->keep ? RR_ACTIVATION_MAX : (uint32_t)1 << (entry->out_bits - 1);
    rr_outputs found = {0, 0};
    for (int32_t row = 0; row < q->n; row++) {
        const int64_t sum = (int64_t)rr_row_sum(leaf, row), b = q->bias ? rr_size_of(q->bias[row]) : 0;
        const int32_t shift = q->shift8[row];
        const uint32_t multiplier = (uint32_t)q->multiplier[row];
        rr_product scaled;
        if (!leaf->is_block) {
            const int64_t acc = sum * RR_ACTIVATION_MAX + b;
            if (acc >= RR_WORD >> (shift > 0 ? shift : 0)) rr_broken(p, name, "/accumulator");
            scaled = rr_product_of((uint64_t)acc);
        } else if (online == RR_STATIC) {
            if (sum * in_max >= RR_WIDE) rr_broken(p, name, "/accumulator");
            scaled = rr_times(rr_product_of((uint64_t)sum), in_max);
        } else if (online == RR_TOKEN) {
            if (sum * RR_TOKEN_MAX >= RR_WIDE) rr_broken(p, name, "/accumulator");
            scaled = rr_times(rr_times(rr_product_of((uint64_t)sum), RR_TOKEN_MAX), (uint32_t)wide_max);
        } else {
            if (sum * (RR_MX_MAX << RR_MX_SPAN) >= RR_WIDE) rr_broken(p, name, "/accumulator");
            scaled = rr_times(rr_product_of((uint64_t)sum), (uint32_t)rr_larger(2 * wide_max, RR_MX_MAX));
        }
        const int64_t out = rr_right(rr_times(scaled, multiplier), 31 - shift) + RR_ROUNDED + (leaf->is_block ? b : 0);
        found.largest = rr_larger(found.largest, out);
        found.squares = rr_add_square(found.squares, h + out);
    }
    if (q->out_bits < 32) found.largest = RR_ACTIVATION_MAX;
    else if (found.largest >= RR_WORD) rr_broken(p, name, "/rescaled output");
    return found;
}

/* sqrt(size) in state units, rounded up; of an int8 carry the largest code read back. */
static int64_t rr_state_bound(const rr_norm_leaf *p)
{
    uint32_t root = 0;
    if (p->coded) {
        const rr_product scaled = rr_times(rr_product_of(RR_ACTIVATION_MAX), (uint32_t)p->to_state.multiplier);
        const int64_t read = rr_right(scaled, 31 - p->to_state.shift) + RR_ROUNDED;
        return read < 32768 ? read : 32768;
    }
    for (uint32_t bit = (uint32_t)1 << 15; bit; bit >>= 1)
        if ((root | bit) * (root | bit) <= (uint32_t)p->size << 20) root |= bit;
    return (int64_t)root + RR_ROUNDED;
}

/* Bound of a residual sum, which must stay below 2^31, and the sum of its squares below 2^63. */
static int64_t rr_residual_bound(const rr_prover *p, const rr_norm_leaf *norm, int64_t h, rr_outputs out)
{
    if (h + out.largest >= RR_WORD) rr_broken(p, "norm", "/residual sum");
    else if (out.squares > (uint64_t)(INT64_MAX - norm->eps)) rr_broken(p, "norm", "/sum of squares");
    return rr_state_bound(norm);
}

static int64_t rr_swiglu_bound(const rr_prover *p, const rr_swiglu *s, int64_t h)
{
    rr_linear_bound(p, "gate_up", &s->gate_up, &s->input, h, 0);
    const int64_t product = RR_ACTIVATION_MAX * RR_ACTIVATION_MAX;
    return rr_residual_bound(p, &s->norm, h, rr_linear_bound(p, "down", &s->down, &s->product, product, h));
}

static int64_t rr_attention_bound(const rr_prover *p, const rr_attention *s, int64_t h)
{
    const int64_t positions = p->model->positions, mixed = (65536 + positions) * RR_ACTIVATION_MAX;
    rr_linear_bound(p, "qkv", &s->qkv, &s->input, h, 0);
    if (positions * ((int64_t)1 << 19) >= RR_WORD) rr_broken(p, "softmax", "/sum of exponentials");
    return rr_residual_bound(p, &s->norm, h, rr_linear_bound(p, "o", &s->o, &s->values, mixed, h));
}

static void rr_prove_level(rr_prover *p, const rr_block *blocks, int32_t layers, int64_t injected)
{
    static const char *const numbers[RR_MAX_LAYERS] = {".0.", ".1.", ".2.", ".3."};
    int64_t h = injected;
    p->layer = p->part = "";
    if (h >= RR_WORD) rr_broken(p, "", "/injection sum");
    for (int32_t i = 0; i < layers && !*p->problem; i++) {
        const int mixer = p->model->config.mlp_t != 0;
        p->layer = numbers[i];
        p->part = mixer ? "mlp_t." : "attn.";
        h = mixer ? rr_swiglu_bound(p, &blocks[i].mlp_t, h) : rr_attention_bound(p, &blocks[i].attn, h);
        p->part = "mlp.";
        if (!*p->problem) h = rr_swiglu_bound(p, &blocks[i].channel, h);
    }
}

static int64_t rr_table_bound(const rr_table *table, int32_t d)
{
    int64_t largest = 0;
    for (int32_t row = 0; table->codes && row < table->rows; row++) {
        int64_t peak = 0;
        for (int32_t i = 0; i < d; i++) peak = rr_larger(peak, rr_size_of(table->codes[row * d + i]));
        const rr_product scaled = rr_times(rr_product_of((uint64_t)peak), (uint32_t)table->multiplier[row]);
        largest = rr_larger(largest, rr_right(scaled, 31 - table->shift8[row]) + RR_ROUNDED);
    }
    return largest;
}

int rr_proved(const rr_model *m, char *problem, uint32_t room)
{
    const rr_config *c = &m->config;
    const rr_block *const H_level = c->family == RR_HRM ? m->H_level : m->L_level;
    const int32_t H_layers = c->family == RR_HRM ? c->H_layers : c->L_layers, d = c->hidden_size;
    rr_prover p = {m, "", "", "", problem, problem + room - 1};
    const int64_t position = rr_table_bound(&m->position, d);
    const int64_t x = rr_larger(rr_table_bound(&m->token, d), rr_table_bound(&m->puzzle, d)) + position;
    int64_t z_L = rr_state_bound(&m->L_level[c->L_layers - 1].channel.norm);
    int64_t z_H = rr_state_bound(&H_level[H_layers - 1].channel.norm);
    for (int32_t i = 0; i < d; i++) {
        z_L = rr_larger(z_L, rr_size_of(m->L_init[i]));
        z_H = rr_larger(z_H, rr_size_of(m->H_init[i]));
    }
    p.level = "L";
    rr_prove_level(&p, m->L_level, c->L_layers, z_L + z_H + x);
    p.level = "H";
    if (!*problem && c->family == RR_HRM) rr_prove_level(&p, m->H_level, c->H_layers, z_H + z_L);
    p.level = p.layer = p.part = "";
    if (!*problem) rr_linear_bound(&p, "lm_head", &m->lm_head.linear, &m->lm_head.input, z_H, 0);
    if (!*problem) rr_linear_bound(&p, "q_head", &m->q_head.linear, &m->q_head.input, z_H, 0);
    return !*problem;
}
