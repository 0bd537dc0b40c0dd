/* The two read-outs of z_H; nothing is fed back. */
#include "rr_abi.h"
#include "rr_block.h"

void rr_read_out(const rr_model *m, const int16_t *z_H, int32_t step, rr_arena *arena, const rr_observer *o,
                 int32_t *answer)
{
    const rr_config *c = &m->config;
    const int32_t d = c->hidden_size;
    const uint32_t mark = arena->used;
    int8_t *a = rr_alloc(arena, c->seq_len * d);
    const rr_rescale_leaf *p = &m->lm_head.input, *q = &m->q_head.input;
    rr_quantize_s16(z_H + c->puzzle_emb_len * d, c->seq_len * d, p->multiplier, p->shift, c->rounding,
                    p->output_offset, a);
    const int32_t *logits = rr_apply(&m->lm_head.linear, a, c->seq_len, arena);
    rr_argmax(logits, c->seq_len, c->vocab_size, answer);
    rr_quantize_s16(z_H, d, q->multiplier, q->shift, c->rounding, q->output_offset, a);
    const int32_t *halting = rr_apply(&m->q_head.linear, a, 1, arena);
    if (o && o->on_step) o->on_step(o->context, step, logits, halting, answer);
    arena->used = mark;
}
