/* The two read-outs of z_H; nothing is fed back. */
#include "rr_abi.h"
#include "rr_block.h"

/* Activations of a head from n values of z_H. */
static void *rr_read(const rr_head *head, const int16_t *z_H, int32_t n, int32_t rounding, rr_arena *arena)
{
    const rr_rescale_leaf *p = &head->input;
    void *a = rr_alloc_activations(&head->linear, n, arena);
    if (rr_common(p, &head->linear)) {
        rr_quantize_s16(z_H, n, p->multiplier, p->shift, rounding, p->output_offset, a);
        return a;
    }
    for (int32_t i = 0; i < n; i++) {
        const int32_t x = z_H[i];
        rr_put_activations(p, &head->linear, rounding, &x, 1, a, i);
    }
    return a;
}

const int32_t *rr_read_q(const rr_model *m, const int16_t *z_H, rr_arena *arena)
{
    const rr_config *c = &m->config;
    return rr_apply(&m->q_head.linear, rr_read(&m->q_head, z_H, c->hidden_size, c->rounding, arena), 1, arena);
}

void rr_read_out(const rr_model *m, const int16_t *z_H, int32_t step, rr_arena *arena, const rr_observer *o,
                 int32_t *answer)
{
    const rr_config *c = &m->config;
    const int32_t d = c->hidden_size;
    const uint32_t mark = arena->used;
    const int16_t *tail = z_H + c->puzzle_emb_len * d;
    const int32_t *logits = rr_apply(&m->lm_head.linear, rr_read(&m->lm_head, tail, c->seq_len * d, c->rounding, arena),
                                     c->seq_len, arena);
    rr_argmax(logits, c->seq_len, c->vocab_size, answer);
    const int32_t *halting = rr_read_q(m, z_H, arena);
    if (o && o->on_step) o->on_step(o->context, step, logits, halting, answer);
    arena->used = mark;
}
