/* Activations in the formats beyond int8: int4, int16, and wide values that a linear quantizes itself. */
#include "rr_block.h"

void *rr_alloc_activations(const rr_linear_leaf *reader, int32_t count, rr_arena *arena)
{
    return rr_alloc(arena, reader->is_block ? 4 * count : count);
}

static int32_t rr_activation(const rr_rescale_leaf *p, int32_t rounding, int32_t x)
{
    if (p->keep) return x;
    const int32_t top = (1 << (p->out_bits - 1)) - 1;
    return rr_saturate((int64_t)rr_scale(x, p->multiplier, p->shift, rounding) + p->output_offset, -top - 1, top);
}

void rr_put_activations(const rr_rescale_leaf *p, const rr_linear_leaf *reader, int32_t rounding, const int32_t *x,
                        int32_t n, void *activations, int32_t at)
{
    for (int32_t i = 0; i < n; i++) {
        const int32_t y = rr_activation(p, rounding, x[i]);
        if (reader->is_block) ((int32_t *)activations)[at + i] = y;
        else ((int8_t *)activations)[at + i] = (int8_t)y;
    }
}
