/* The recursion: cycles within an ACT step, ACT steps within a puzzle. */
#include "rr_abi.h"
#include "rr_block.h"

/* Every position gets the init vector, which is read once. */
static void rr_reset(int16_t *z, const int16_t *init, int32_t positions, int32_t d)
{
    for (int32_t i = 0; i < d; i++) z[i] = init[i];
    for (int32_t i = d; i < positions * d; i++) z[i] = z[i - d];
}

static int32_t rr_max(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* unit: room for an activation, 4 bytes in an uncommon format (whose product has a place of its own). */
static int32_t rr_swiglu_bytes(int32_t rows, int32_t size, int32_t inner, int32_t unit)
{
    return unit * rows * size + 2 * rows * inner + (unit > 1 ? unit * rows * inner : 0) + 4 * rows * size;
}

uint32_t rr_arena_bytes(const rr_model *m)
{
    const rr_config *c = &m->config;
    const int32_t t = m->positions, d = c->hidden_size, size = t * d, unit = m->uncommon ? 4 : 1;
    int32_t sublayer = rr_swiglu_bytes(t, d, c->channel_intermediate_size, unit);
    if (c->mlp_t) {
        sublayer = rr_max(sublayer, rr_swiglu_bytes(d, t, c->token_intermediate_size, unit));
    } else {
        const int32_t inner = rr_max(unit * size + 3 * size, rr_max(4 * size, 3 * t * t + t * (d / c->num_heads)));
        sublayer = rr_max(sublayer, unit * size + 3 * size + inner);
    }
    const int32_t call = 4 * size + sublayer;
    const int32_t heads = unit * (size + d) + 4 * c->seq_len * c->vocab_size + 8;
    enum { RR_ROUNDING_UP = 16 * 8 }; /* at most 16 allocations live at once, each rounded up to 8 bytes */
    return (uint32_t)(8 * size + rr_max(call, heads)) + RR_ROUNDING_UP;
}

int32_t rr_solve(const rr_model *m, const int32_t *tokens, int32_t puzzle_id, int32_t steps, rr_arena *arena,
                 const rr_observer *o, int32_t *answer)
{
    const rr_config *c = &m->config;
    const int32_t d = c->hidden_size, size = m->positions * d;
    const rr_embed_job input = {tokens, m->token, m->position, m->puzzle, c->seq_len, d, c->puzzle_emb_len,
                                puzzle_id, c->rounding};
    if (arena->bytes < rr_arena_bytes(m) || !rr_embed_input_valid(&input)) return RR_REFUSED;
    arena->used = arena->peak = 0;
    int16_t *z_H = rr_alloc(arena, 2 * size), *z_L = rr_alloc(arena, 2 * size);
    int32_t *x = rr_alloc(arena, 4 * size);
    rr_embed_rows(&input, x);
    rr_reset(z_H, m->H_init, m->positions, d);
    rr_reset(z_L, m->L_init, m->positions, d);
    const rr_block *H_level = c->H_layers ? m->H_level : m->L_level;
    const int32_t H_layers = c->H_layers ? c->H_layers : c->L_layers;
    int32_t index = 0;
    for (int32_t step = 0; step < (steps ? steps : c->halt_max_steps); step++) {
        for (int32_t cycle = 0; cycle < c->H_cycles; cycle++) {
            for (int32_t i = 0; i < c->L_cycles; i++, index++) {
                rr_stack_run(m, m->L_level, c->L_layers, z_L, z_H, x, arena);
                if (o && o->on_call) o->on_call(o->context, index, step, 'L', z_L);
            }
            rr_stack_run(m, H_level, H_layers, z_H, z_L, 0, arena);
            if (o && o->on_call) o->on_call(o->context, index, step, 'H', z_H);
            index++;
        }
        rr_read_out(m, z_H, step, arena, o, answer);
    }
    return RR_OK;
}
