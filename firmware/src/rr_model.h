/* A model as read from a flash image: scalars copied, arrays pointed at in place.
 * Twin of refimpl/models/tree.py. */
#ifndef RR_MODEL_H
#define RR_MODEL_H

#include <stdint.h>

#include "rr_image.h"
#include "rr_jobs.h"

enum { RR_MAX_LAYERS = 4, RR_TRM = 0, RR_HRM = 1 };

/* Fields of the image's config section, in its order (CONFIG_FIELDS of refimpl/model_image.py). */
typedef struct {
    int32_t family, seq_len, vocab_size, hidden_size, num_heads, L_layers, H_layers, H_cycles, L_cycles,
        halt_max_steps, mlp_t, pos_encodings, puzzle_emb_len, channel_intermediate_size, token_intermediate_size,
        num_puzzle_identifiers, rounding;
} rr_config;

/* When a run stops: the image's stop section, in its order (stop_values of refimpl/model_image.py).
 * Twin of refimpl/models/halting.py; all zero is a run of fixed length. */
enum { RR_STOP_HEAD = 1, RR_STOP_SETTLED = 2, RR_STOP_HALT = 4 }; /* bits of kind; HALT: the head is q_halt alone */
enum { RR_STOP_OF_MEAN, RR_STOP_OF_LARGEST };
enum { RR_STOP_OVER_CYCLE, RR_STOP_OVER_STEP };
typedef struct {
    int32_t kind, t, of, over, least, more;
} rr_stop_rule;

typedef struct {
    int32_t multiplier, shift, out_bits, output_offset;
    int32_t keep; /* no rescale: the linear that reads the site quantizes int32 values itself */
} rr_rescale_leaf;

typedef struct {
    int32_t size, gain, eps;
    int32_t coded; /* int8 carry: the result is stored through to_code and read back through to_state */
    rr_rescale_leaf to_code, to_state;
} rr_norm_leaf;

typedef struct {
    int32_t multiplier, shift, diff_min;
} rr_softmax_leaf;

/* A linear without its activations: rows, a (or wide) and out are filled in by rr_apply. OP-LINEAR takes
 * int8 activations; OP-BLOCK-LINEAR (is_block) takes int32. */
typedef struct {
    rr_block_job job;
    int32_t is_block;
} rr_linear_leaf;

typedef struct {
    rr_rescale_leaf input, product;
    rr_linear_leaf gate_up, down;
    const int8_t *silu;
    rr_norm_leaf norm;
} rr_swiglu;

typedef struct {
    rr_rescale_leaf input, scores, values;
    rr_linear_leaf qkv, o;
    rr_softmax_leaf softmax;
    rr_norm_leaf norm;
} rr_attention;

typedef struct {
    rr_swiglu mlp_t; /* when config.mlp_t */
    rr_attention attn; /* otherwise */
    rr_swiglu channel;
} rr_block;

typedef struct {
    rr_rescale_leaf input;
    rr_linear_leaf linear;
} rr_head;

typedef struct {
    rr_config config;
    int32_t positions;
    rr_stop_rule stop;
    rr_table token, position, puzzle;
    const int16_t *H_init, *L_init;
    const int32_t *rope_coarse, *rope_fine; /* NULL without RoPE */
    rr_block L_level[RR_MAX_LAYERS], H_level[RR_MAX_LAYERS]; /* a TRM uses L_level for both */
    rr_head lm_head, q_head;
    int32_t uncommon; /* some activations are not rr_common: the arena is larger */
} rr_model;

/* Whether the activations in front of `reader` are int8 codes of 8 bits: the form with kernels of its own.
 * All others (int4, int16, wide values, anything in front of a block linear) go value by value. */
static inline int rr_common(const rr_rescale_leaf *p, const rr_linear_leaf *reader)
{
    return !reader->is_block && p->out_bits == 8;
}

/* Read and check the whole model by the rules of refimpl/model_rules.py: every section is one the model needs, every
 * parameter in range, every bound of spec section 5 proved. NULL, or the section or bound that is wrong. */
const char *rr_model_load(rr_model *model, const rr_image *image);

#endif
