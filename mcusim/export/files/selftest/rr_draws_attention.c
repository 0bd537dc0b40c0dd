/* Drawn cases of attention: scores, softmax, weighted values; rr_draws.h. */
#include "rr_abi.h"
#include "rr_draws.h"
#include "rr_tile.h"

uint32_t rr_drawn_scores(void)
{
    const int32_t t = rr_draw(1, RR_DRAW_TOKENS), d = rr_draw(1, RR_DRAW_COLS);
    const int32_t multiplier = rr_draw(RR_DRAW_MULTIPLIER, INT32_MAX), shift = rr_draw(-12, -4);
    rr_draw_s8(rr_drawn_a.s8, t * d, -128, 127);
    rr_draw_s8(rr_drawn_b.s8, t * d, -128, 127);
    rr_scores(rr_drawn_a.s8, rr_drawn_b.s8, 1, t, d, multiplier, shift, rr_rounding, 0, rr_drawn_out.s8);
    return (uint32_t)(t * t);
}

uint32_t rr_drawn_softmax_s8_s16(void)
{
    const int32_t rows = rr_draw(1, RR_DRAW_ROWS), cols = rr_draw(1, RR_DRAW_COLS);
    const int32_t multiplier = rr_draw(RR_DRAW_MULTIPLIER, INT32_MAX), shift = rr_draw(19, 26), least = rr_draw(-255, -16);
    rr_draw_s8(rr_drawn_a.s8, rows * cols, -128, 127);
    rr_softmax_s8_s16(rr_drawn_a.s8, rows, cols, multiplier, shift, least, rr_drawn_out.s16);
    return (uint32_t)(2 * rows * cols);
}

uint32_t rr_drawn_weighted_values(void)
{
    const int32_t t = rr_draw(1, RR_DRAW_TOKENS), d = rr_draw(1, RR_DRAW_COLS);
    const int32_t multiplier = rr_draw(RR_DRAW_MULTIPLIER, INT32_MAX), shift = rr_draw(-16, -10);
    for (int32_t i = 0; i < t * t; i++) rr_drawn_a.s16[i] = (int16_t)rr_draw(INT16_MIN, INT16_MAX);
    rr_draw_s8(rr_drawn_b.s8, t * d, -128, 127);
    rr_weighted_values(rr_drawn_a.s16, rr_drawn_b.s8, 1, t, d, multiplier, shift, rr_rounding, 0, rr_drawn_out.s8);
    return (uint32_t)(t * d);
}
