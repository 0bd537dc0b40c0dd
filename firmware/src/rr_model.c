/* Find every leaf of the model in the image and check it once. */
#include "rr_model.h"

#include <string.h>

#include "rr_bounds.h"
#include "rr_dot.h"
#include "rr_fixed.h"
#include "rr_norm.h"

enum { RR_POSITIONS_ROPE = 1, RR_POSITIONS_LEARNED = 2, RR_NAME = 36, RR_MAX_SIZE = 4096 };

/* The state of one load: the first problem is kept as the name of a section. */
typedef struct {
    const rr_image *image;
    const rr_config *config;
    char prefix[RR_NAME]; /* e.g. "L.0.mlp_t." */
    char problem[2 * RR_NAME];
    int32_t uncommon;
    uint32_t taken; /* sections read: in the end, all */
} rr_loader;

static void rr_fail(rr_loader *l, const char *leaf, const char *part)
{
    if (l->problem[0]) return;
    char *end = l->problem + sizeof l->problem - 1;
    char *at = rr_append(l->problem, end, l->prefix);
    at = rr_append(at, end, leaf);
    if (*part) at = rr_append(at, end, "/");
    rr_append(at, end, part);
}

/* Section prefix + leaf + "/" + part, or NULL. */
static const rr_section *rr_look(const rr_loader *l, const char *leaf, const char *part)
{
    char name[2 * RR_NAME] = "";
    rr_append(rr_append(name, name + sizeof name - 1, l->prefix), name + sizeof name - 1, leaf);
    return rr_image_find(l->image, name, part);
}

/* Data of section prefix + leaf + "/" + part with this element type and shape, or NULL; columns 0: one dimension. */
static const void *rr_take(rr_loader *l, const char *leaf, const char *part, int element, int32_t rows, int32_t columns)
{
    const rr_section *s = rr_look(l, leaf, part);
    if (!s || s->element != element || s->rank != (columns ? 2 : 1) || s->dims[0] != (uint32_t)rows ||
        s->dims[1] != (uint32_t)columns) {
        rr_fail(l, leaf, part);
        return 0;
    }
    l->taken++;
    return rr_image_data(l->image, s);
}

/* cosines and sines in Q30 */
static const int32_t *rr_take_angles(rr_loader *l, const char *part, int32_t rows, int32_t columns)
{
    const int32_t *table = rr_take(l, "rope", part, RR_INT32, rows, columns);
    for (int32_t i = 0; table && i < rows * columns; i++)
        if (table[i] > 1 << 30 || table[i] < -(1 << 30)) {
            rr_fail(l, "rope", part);
            break;
        }
    return table;
}

static void rr_take_words(rr_loader *l, const char *leaf, const char *part, uint32_t count, int32_t *out)
{
    const void *data = rr_take(l, leaf, part, RR_INT32, (int32_t)count, 0);
    if (data) memcpy(out, data, 4 * count);
    else memset(out, 0, 4 * count);
}

static rr_rescale_leaf rr_take_rescale(rr_loader *l, const char *leaf, const char *part)
{
    rr_rescale_leaf p;
    memset(&p, 0, sizeof p);
    rr_take_words(l, leaf, part, 4, &p.multiplier);
    if (!rr_rescale_valid(p.multiplier, p.shift) || p.output_offset) rr_fail(l, leaf, part);
    if (p.out_bits != 4 && p.out_bits != 8 && p.out_bits != 16) rr_fail(l, leaf, part);
    return p;
}

/* The rescale in front of a linear; what it leaves must be what that linear takes. */
static rr_rescale_leaf rr_take_input(rr_loader *l, const char *leaf, const rr_linear_leaf *reader)
{
    rr_rescale_leaf p;
    memset(&p, 0, sizeof p);
    p.keep = reader->is_block && reader->job.activations != RR_STATIC;
    if (!p.keep) p = rr_take_rescale(l, leaf, "rescale");
    if (!reader->is_block && p.out_bits > 8) rr_fail(l, leaf, "rescale");
    l->uncommon |= !rr_common(&p, reader);
    return p;
}

/* Whether gain is sqrt(size / 2) * 2^25 to nearest. */
static int rr_gain_valid(int32_t size, int32_t gain)
{
    const uint64_t square = (uint64_t)size << 51, twice = 2 * (uint64_t)gain;
    return gain > 0 && gain <= 1 << 30 && (twice - 1) * (twice - 1) < square && square < (twice + 1) * (twice + 1);
}

static rr_norm_leaf rr_take_norm(rr_loader *l, const char *leaf, int32_t size)
{
    rr_norm_leaf p;
    memset(&p, 0, sizeof p);
    rr_take_words(l, leaf, "norm", 3, &p.size);
    if (p.size != size || p.size > RR_MAX_NORM_SIZE || !rr_gain_valid(size, p.gain) || p.eps < 1) rr_fail(l, leaf, "norm");
    p.coded = rr_look(l, leaf, "to_code") != 0;
    if (!p.coded) return p;
    p.to_code = rr_take_rescale(l, leaf, "to_code");
    p.to_state = rr_take_rescale(l, leaf, "to_state");
    if (p.to_code.out_bits != 8 || p.to_state.out_bits != 16) rr_fail(l, leaf, "to_code");
    return p;
}

/* Zero points and block scales of OP-BLOCK-LINEAR; format is bits, out_bits, block, factors, online. */
static void rr_take_blocks(rr_loader *l, const char *leaf, const int32_t format[5], rr_linear_leaf *p)
{
    rr_block_job *job = &p->job;
    const int32_t n = job->linear.n, k = job->linear.k;
    p->is_block = 1;
    job->block = format[2];
    job->factors = format[3];
    job->activations = format[4];
    if (job->block < 0 || job->block > RR_MAX_SIZE) rr_fail(l, leaf, "format");
    else if (job->block) job->blocks = (k + job->block - 1) / job->block;
    if (!job->block && job->factors) rr_fail(l, leaf, "format");
    if (rr_look(l, leaf, "zero_point")) job->zero_point = rr_take(l, leaf, "zero_point", RR_INT8, n, 0);
    if (job->blocks) job->block_scale = rr_take(l, leaf, "block_scale", RR_UINT8, n, job->blocks);
}

static rr_linear_leaf rr_take_linear(rr_loader *l, const char *leaf, int32_t n, int32_t k, int32_t out_bits, int biased)
{
    int32_t format[5];
    rr_linear_leaf p;
    rr_linear_job *q = &p.job.linear;
    memset(&p, 0, sizeof p);
    const rr_section *form = rr_look(l, leaf, "format");
    const int plain = !form || form->bytes == 12;
    rr_take_words(l, leaf, "format", plain ? 3 : 5, format);
    q->rows = 1;
    q->n = n;
    q->k = k;
    q->rounding = l->config->rounding;
    q->out_bits = format[1];
    if (plain) q->output_offset = format[2];
    else rr_take_blocks(l, leaf, format, &p);
    q->bits = format[0];
    if (q->bits < 2 || q->bits > 8) rr_fail(l, leaf, "format");
    else q->codes = rr_take(l, leaf, "codes", rr_code_element(q->bits), n, k);
    q->multiplier = rr_take(l, leaf, "multiplier", RR_INT32, n, 0);
    q->shift8 = rr_take(l, leaf, "shift", RR_INT8, n, 0);
    if (biased) q->bias = rr_take(l, leaf, "bias", RR_INT32, n, 0);
    if (l->problem[0]) return p;
    if (q->output_offset) rr_fail(l, leaf, "format");
    if (q->out_bits != out_bits || !(plain ? rr_linear_valid(q) : rr_block_linear_valid(&p.job))) rr_fail(l, leaf, "format");
    return p;
}

/* Extend the prefix for the leaves of a sublayer; the caller restores its length. */
static uint32_t rr_enter(rr_loader *l, const char *name)
{
    const uint32_t length = (uint32_t)strlen(l->prefix);
    rr_append(l->prefix + length, l->prefix + sizeof l->prefix - 1, name);
    return length;
}

static void rr_load_swiglu(rr_loader *l, rr_swiglu *p, const char *name, int32_t size, int32_t inner)
{
    const uint32_t outer = rr_enter(l, name);
    p->gate_up = rr_take_linear(l, "gate_up", 2 * inner, size, 8, 0);
    p->input = rr_take_input(l, "gate_up.input", &p->gate_up);
    p->silu = rr_take(l, "silu", "table", RR_INT8, 256, 0);
    p->down = rr_take_linear(l, "down", size, inner, 32, 0);
    p->product = rr_take_input(l, "down.input", &p->down);
    p->norm = rr_take_norm(l, "norm", size);
    l->prefix[outer] = 0;
}

static void rr_load_attention(rr_loader *l, rr_attention *p, const char *name, int32_t hidden)
{
    const uint32_t outer = rr_enter(l, name);
    p->qkv = rr_take_linear(l, "qkv", 3 * hidden, hidden, 8, 0);
    p->input = rr_take_input(l, "qkv.input", &p->qkv);
    p->scores = rr_take_rescale(l, "scores", "rescale");
    if (p->scores.out_bits != 8) rr_fail(l, "scores", "rescale");
    rr_take_words(l, "softmax", "softmax", 3, &p->softmax.multiplier);
    if (p->softmax.multiplier < 0x40000000 || p->softmax.shift < 0 || p->softmax.shift > 31 || p->softmax.diff_min > 0)
        rr_fail(l, "softmax", "softmax");
    p->o = rr_take_linear(l, "o", hidden, hidden, 32, 0);
    p->values = rr_take_input(l, "o.input", &p->o);
    p->norm = rr_take_norm(l, "norm", hidden);
    l->prefix[outer] = 0;
}

static void rr_load_level(rr_loader *l, rr_block *blocks, const char *level, int32_t layers, int32_t positions)
{
    static const char *const numbers[RR_MAX_LAYERS] = {".0.", ".1.", ".2.", ".3."};
    const rr_config *c = l->config;
    for (int32_t i = 0; i < layers; i++) {
        const uint32_t outer = rr_enter(l, level);
        rr_enter(l, numbers[i]);
        if (c->mlp_t) rr_load_swiglu(l, &blocks[i].mlp_t, "mlp_t.", positions, c->token_intermediate_size);
        else rr_load_attention(l, &blocks[i].attn, "attn.", c->hidden_size);
        rr_load_swiglu(l, &blocks[i].channel, "mlp.", c->hidden_size, c->channel_intermediate_size);
        l->prefix[outer] = 0;
    }
}

static rr_table rr_take_table(rr_loader *l, const char *leaf, int32_t rows, int32_t d)
{
    rr_table p;
    p.codes = rr_take(l, leaf, "codes", RR_INT8, rows, d);
    p.multiplier = rr_take(l, leaf, "multiplier", RR_INT32, rows, 0);
    p.shift = 0;
    p.shift8 = rr_take(l, leaf, "shift", RR_INT8, rows, 0);
    p.rows = rows;
    return p;
}

static int rr_config_valid(const rr_config *c)
{
    const int32_t *values = &c->family;
    /* Products of two sizes stay in int32. */
    for (uint32_t i = 0; i < sizeof *c / sizeof *values; i++)
        if (values[i] < 0 || values[i] > RR_MAX_SIZE) return 0;
    if (c->num_heads < 1 || c->num_puzzle_identifiers < 1 || c->mlp_t > 1 || c->pos_encodings > RR_POSITIONS_LEARNED)
        return 0;
    if (c->pos_encodings == RR_POSITIONS_ROPE && (c->mlp_t || c->hidden_size / c->num_heads % 2)) return 0;
    return c->family <= RR_HRM && c->seq_len > 0 && c->vocab_size > 0 && c->hidden_size > 0 &&
           c->hidden_size % c->num_heads == 0 && c->L_layers > 0 && c->L_layers <= RR_MAX_LAYERS &&
           c->H_layers <= RR_MAX_LAYERS && (c->family == RR_HRM) == (c->H_layers > 0) && c->H_cycles > 0 &&
           c->L_cycles > 0 && c->halt_max_steps > 0 && c->channel_intermediate_size > 0 &&
           (c->mlp_t != 0) == (c->token_intermediate_size > 0) && rr_rounding_valid(c->rounding);
}

static int rr_stop_valid(const rr_stop_rule *s)
{
    const int settled = s->kind & RR_STOP_SETTLED;
    return s->kind >= 1 && s->kind <= 7 && (!(s->kind & RR_STOP_HALT) || s->kind & RR_STOP_HEAD) && s->t >= 0 && s->t <= 65535 && s->of >= 0 &&
           s->of <= RR_STOP_OF_LARGEST && s->over >= 0 && s->over <= RR_STOP_OVER_STEP && s->least >= 1 &&
           s->least <= 10000 && s->more >= 0 && s->more <= 10000 && (settled || (!s->t && !s->of && !s->over));
}

/* The words of the image in their one spelling (META of refimpl/model_image.py): JSON of plain text. */
static int rr_meta_valid(const char *text, uint32_t bytes)
{
    static const char *const before[6] = {"{\"calibration\": \"", "\", \"format\": \"", "\", \"network\": \"",
                                          "\", \"task\": \"", "\", \"trained\": ", "}"};
    const char *const end = text + bytes;
    for (int i = 0; i < 6; i++) {
        const size_t length = strlen(before[i]), left = (size_t)(end - text);
        if (left < length || memcmp(text, before[i], length)) return 0;
        text += length;
        if (i == 4) {
            const size_t word = text < end && *text == 't' ? 4 : 5;
            if ((size_t)(end - text) < word || memcmp(text, word == 4 ? "true" : "false", word)) return 0;
            text += word;
        } else if (i < 5)
            while (text < end && *text >= ' ' && *text <= '~' && *text != '"' && *text != '\\') text++;
    }
    return text == end;
}

const char *rr_model_load(rr_model *model, const rr_image *image)
{
    static rr_loader l;
    rr_config *c = &model->config;
    memset(model, 0, sizeof *model);
    memset(&l, 0, sizeof l);
    l.image = image;
    l.config = c;
    const rr_section *s = rr_image_find(image, "config", "");
    if (!s || s->element != RR_INT32 || s->rank != 1 || s->bytes != sizeof *c) return "config";
    memcpy(c, rr_image_data(image, s), sizeof *c);
    if (!rr_config_valid(c)) return "config";
    s = rr_image_find(image, "meta", "");
    if (!s || s->element != RR_INT8 || s->rank != 1) return "meta";
    if (!rr_meta_valid((const char *)rr_image_data(image, s), s->bytes)) return "meta";
    l.taken = 2;
    s = rr_image_find(image, "stop", "");
    if (s) {
        l.taken++;
        if (s->element != RR_INT32 || s->rank != 1 || s->bytes != sizeof model->stop) return "stop";
        memcpy(&model->stop, rr_image_data(image, s), sizeof model->stop);
        if (!rr_stop_valid(&model->stop)) return "stop";
    }
    const int32_t d = c->hidden_size, positions = c->puzzle_emb_len + c->seq_len;
    model->positions = positions;

    model->token = rr_take_table(&l, "embed_tokens", c->vocab_size, d);
    if (c->pos_encodings == RR_POSITIONS_LEARNED) model->position = rr_take_table(&l, "embed_pos", positions, d);
    if (c->puzzle_emb_len > 0) model->puzzle = rr_take_table(&l, "puzzle_emb", c->num_puzzle_identifiers, d);
    model->H_init = rr_take(&l, "H_init", "values", RR_INT16, d, 0);
    model->L_init = rr_take(&l, "L_init", "values", RR_INT16, d, 0);
    if (c->pos_encodings == RR_POSITIONS_ROPE) {
        const int32_t coarse = (positions + RR_ANGLE_STEP - 1) / RR_ANGLE_STEP;
        model->rope_coarse = rr_take_angles(&l, "coarse", coarse, d / c->num_heads);
        model->rope_fine = rr_take_angles(&l, "fine", positions < RR_ANGLE_STEP ? positions : RR_ANGLE_STEP,
                                          d / c->num_heads);
    }
    rr_load_level(&l, model->L_level, "L", c->L_layers, positions);
    if (c->family == RR_HRM) rr_load_level(&l, model->H_level, "H", c->H_layers, positions);
    model->lm_head.linear = rr_take_linear(&l, "lm_head", c->vocab_size, d, 32, 0);
    model->lm_head.input = rr_take_input(&l, "lm_head.input", &model->lm_head.linear);
    model->q_head.linear = rr_take_linear(&l, "q_head", 2, d, 32, 1);
    model->q_head.input = rr_take_input(&l, "q_head.input", &model->q_head.linear);
    model->uncommon = l.uncommon;
    if (l.problem[0]) return l.problem;
    const rr_embed_job tables = {0, model->token, model->position, model->puzzle, c->seq_len, d,
                                 c->puzzle_emb_len, 0, c->rounding};
    if (!rr_embed_tables_valid(&tables)) return "embed_tokens/multiplier";
    if (l.taken != image->count) return "a section of no leaf";
    return rr_proved(model, l.problem, sizeof l.problem) ? 0 : l.problem;
}
