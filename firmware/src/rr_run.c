/* The recursion: cycles within an ACT step, ACT steps within a puzzle. */
#include <string.h>

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
    const int32_t call = 4 * size + sublayer, held = m->stop.over == RR_STOP_OVER_STEP ? 2 * size : 0;
    const int32_t heads = unit * (size + d) + 4 * c->seq_len * c->vocab_size + 8;
    enum { RR_ROUNDING_UP = 16 * 8 }; /* at most 16 allocations live at once, each rounded up to 8 bytes */
    return (uint32_t)(8 * size + held + rr_max(call, heads)) + RR_ROUNDING_UP;
}

int32_t rr_stops(const rr_stop_rule *rule, int32_t family, int32_t step, const int32_t *q, const int64_t *change,
                 int32_t size)
{
    if (!rule->kind || step + 1 < rule->least) return 0;
    if (rule->kind & RR_STOP_HEAD && q[0] <= (family == RR_TRM || rule->kind & RR_STOP_HALT ? 0 : q[1])) return 0;
    if (!(rule->kind & RR_STOP_SETTLED)) return 1;
    return rule->of == RR_STOP_OF_MEAN ? change[0] <= (int64_t)rule->t * size : change[1] <= rule->t;
}

/* The state of a run: `x` and `held` (what z_H was) share their memory where the rule looks at one cycle, for
 * an H call does not read x. */
typedef struct {
    const rr_model *m;
    rr_embed_job input;
    rr_arena *arena;
    const rr_observer *o;
    int16_t *z_H, *z_L, *held;
    int32_t *x;
} rr_state;

/* One H cycle. */
static void rr_cycle(const rr_state *s, int32_t cycle, int32_t hold)
{
    const rr_model *m = s->m;
    const rr_config *c = &m->config;
    const rr_block *H_level = c->H_layers ? m->H_level : m->L_level;
    const int32_t step = cycle / c->H_cycles;
    int32_t index = cycle * (c->L_cycles + 1);
    for (int32_t i = 0; i < c->L_cycles; i++, index++) {
        rr_stack_run(m, m->L_level, c->L_layers, s->z_L, s->z_H, s->x, s->arena);
        if (s->o && s->o->on_call) s->o->on_call(s->o->context, index, step, 'L', s->z_L);
    }
    if (hold) memcpy(s->held, s->z_H, 2u * (uint32_t)(m->positions * c->hidden_size));
    rr_stack_run(m, H_level, c->H_layers ? c->H_layers : c->L_layers, s->z_H, s->z_L, 0, s->arena);
    if (s->o && s->o->on_call) s->o->on_call(s->o->context, index, step, 'H', s->z_H);
}

/* One ACT step; whether the rule then ends the run. */
static int32_t rr_step(const rr_state *s, int32_t step)
{
    const rr_model *m = s->m;
    const rr_config *c = &m->config;
    const rr_stop_rule *rule = &m->stop;
    const int32_t size = m->positions * c->hidden_size, asked = rule->kind && step + 1 >= rule->least;
    const int32_t state = asked && rule->kind & RR_STOP_SETTLED, over_step = rule->over == RR_STOP_OVER_STEP;
    int64_t change[2] = {0, 0};
    const int32_t *q = 0;
    if (state && over_step) memcpy(s->held, s->z_H, 2u * (uint32_t)size);
    for (int32_t cycle = 0; cycle < c->H_cycles; cycle++)
        rr_cycle(s, step * c->H_cycles + cycle, state && !over_step && cycle + 1 == c->H_cycles);
    if (state) rr_change(s->z_H, s->held, size, change);
    if (state && !over_step) rr_embed_rows(&s->input, s->x);
    const uint32_t mark = s->arena->used;
    if (asked && rule->kind & RR_STOP_HEAD) q = rr_read_q(m, s->z_H, s->arena);
    s->arena->used = mark;
    return rr_stops(rule, c->family, step, q, change, size);
}

int32_t rr_solve(const rr_model *m, const int32_t *tokens, int32_t puzzle_id, int32_t steps, rr_arena *arena,
                 const rr_observer *o, int32_t *answer, rr_ended *ended)
{
    const rr_config *c = &m->config;
    const int32_t d = c->hidden_size, size = m->positions * d, most = steps ? steps : c->halt_max_steps;
    rr_state s = {m, {tokens, m->token, m->position, m->puzzle, c->seq_len, d, c->puzzle_emb_len, puzzle_id,
                      c->rounding}, arena, o, 0, 0, 0, 0};
    if (arena->bytes < rr_arena_bytes(m) || !rr_embed_input_valid(&s.input)) return RR_REFUSED;
    arena->used = arena->peak = 0;
    s.z_H = rr_alloc(arena, 2 * size);
    s.z_L = rr_alloc(arena, 2 * size);
    void *x = rr_alloc(arena, 4 * size);
    s.x = x;
    s.held = m->stop.over == RR_STOP_OVER_STEP ? rr_alloc(arena, 2 * size) : x;
    rr_embed_rows(&s.input, s.x);
    rr_reset(s.z_H, m->H_init, m->positions, d);
    rr_reset(s.z_L, m->L_init, m->positions, d);
    int32_t step = 0, stopped = 0;
    while (step < most && !stopped) {
        stopped = rr_step(&s, step);
        rr_read_out(m, s.z_H, step++, arena, o, answer);
    }
    for (int32_t cycle = 0; cycle < m->stop.more; cycle++) rr_cycle(&s, step * c->H_cycles + cycle, 0);
    if (m->stop.more) rr_read_out(m, s.z_H, step, arena, 0, answer);
    if (ended) *ended = (rr_ended){step, stopped};
    return RR_OK;
}
