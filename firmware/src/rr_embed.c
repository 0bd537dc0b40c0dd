/* Input rows.  Twin of refimpl/ops/embed.py; rows are read in place, one at a time. */
#include "rr_abi.h"
#include "rr_fixed.h"
#include "rr_jobs.h"

static int32_t rr_shift_of(const rr_table *table, int32_t row)
{
    return table->shift8 ? table->shift8[row] : table->shift[row];
}

static int rr_table_valid(const rr_table *table)
{
    if (!table->codes) return 1;
    for (int32_t r = 0; r < table->rows; r++)
        if (!rr_rescale_valid(table->multiplier[r], rr_shift_of(table, r))) return 0;
    return 1;
}

/* Add row `row` of `table`, in state units, to out[0 .. d). */
static void rr_add_row(const rr_table *table, int32_t row, int32_t d, int32_t rounding, int32_t *out)
{
    const int32_t multiplier = table->multiplier[row], shift = rr_shift_of(table, row);
    const int8_t *codes = table->codes + row * d;
    for (int32_t i = 0; i < d; i++)
        out[i] = rr_wrap32((uint32_t)out[i] + (uint32_t)rr_scale(codes[i], multiplier, shift, rounding));
}

int rr_embed_tables_valid(const rr_embed_job *p)
{
    if (p->seq < 1 || p->d < 1 || p->token.rows < 1 || p->prefix < 0 || !rr_rounding_valid(p->rounding)) return 0;
    if ((p->prefix > 0) != (p->puzzle.codes != 0)) return 0;
    return rr_table_valid(&p->token) && rr_table_valid(&p->position) && rr_table_valid(&p->puzzle);
}

int rr_embed_input_valid(const rr_embed_job *p)
{
    if (p->puzzle.codes && (p->puzzle_id < 0 || p->puzzle_id >= p->puzzle.rows)) return 0;
    for (int32_t i = 0; i < p->seq; i++)
        if (p->tokens[i] < 0 || p->tokens[i] >= p->token.rows) return 0;
    return 1;
}

void rr_embed_rows(const rr_embed_job *p, int32_t *out)
{
    const int32_t positions = p->prefix + p->seq;
    for (int32_t t = 0; t < positions; t++, out += p->d) {
        for (int32_t i = 0; i < p->d; i++) out[i] = 0;
        if (t >= p->prefix) rr_add_row(&p->token, p->tokens[t - p->prefix], p->d, p->rounding, out);
        else if (t == 0) rr_add_row(&p->puzzle, p->puzzle_id, p->d, p->rounding, out);
        if (p->position.codes) rr_add_row(&p->position, t, p->d, p->rounding, out);
    }
}

int32_t rr_embed(const int32_t *tokens, const int8_t *token_codes, const int32_t *token_multiplier,
                 const int32_t *token_shift, const int8_t *position_codes, const int32_t *position_multiplier,
                 const int32_t *position_shift, const int8_t *puzzle_codes, const int32_t *puzzle_multiplier,
                 const int32_t *puzzle_shift, int32_t seq, int32_t d, int32_t prefix, int32_t vocab,
                 int32_t puzzles, int32_t puzzle_id, int32_t rounding, int32_t *out)
{
    const rr_embed_job job = {
        tokens,
        {token_codes, token_multiplier, token_shift, 0, vocab},
        {position_codes, position_multiplier, position_shift, 0, prefix + seq},
        {puzzle_codes, puzzle_multiplier, puzzle_shift, 0, puzzles},
        seq, d, prefix, puzzle_id, rounding,
    };
    if (!rr_embed_tables_valid(&job) || !rr_embed_input_valid(&job)) return RR_REFUSED;
    rr_embed_rows(&job, out);
    return RR_OK;
}
