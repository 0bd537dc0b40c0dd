/* One block fed its own output: finds what happens once in a million elements, such as a tie. */
#include "rr_block.h"
#include "rr_fixed.h"

int32_t rr_monte_carlo_run(const rr_model *m, const int32_t *tokens, int32_t puzzle_id, int32_t calls, int32_t every,
                           rr_arena *arena, void (*on_crc)(void *context, int32_t number, uint32_t crc), void *context)
{
    const rr_config *c = &m->config;
    const int32_t d = c->hidden_size, positions = m->positions, size = positions * d;
    const rr_embed_job input = {tokens, m->token, m->position, m->puzzle, c->seq_len, d, c->puzzle_emb_len, puzzle_id,
                                c->rounding};
    if (arena->bytes < rr_arena_bytes(m) || every < 1 || !rr_embed_input_valid(&input)) return RR_REFUSED;
    arena->used = arena->peak = 0;
    int32_t *x = rr_alloc(arena, 4 * size), *h = rr_alloc(arena, 4 * size);
    int16_t *z = rr_alloc(arena, 2 * size);
    rr_embed_rows(&input, x);
    for (int32_t i = 0; i < size; i++) z[i] = m->L_init[i % d];
    for (int32_t call = 0; call < calls; call++) {
        for (int32_t i = 0; i < size; i++) h[i] = z[i] + x[(i + call % positions * d) % size];
        rr_block_run(m, &m->L_level[0], h, arena);
        for (int32_t i = 0; i < size; i++) z[i] = (int16_t)h[i];
        if ((call + 1) % every == 0) on_crc(context, (call + 1) / every - 1, rr_crc32(z, 2u * (uint32_t)size));
    }
    return RR_OK;
}
