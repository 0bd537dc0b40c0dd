/* Drawn cases of linears, rescaling, products and norms; rr_draws.h.  mcusim/export/draws.py draws the same. */
#include "rr_draws.h"

#include "rr_adapter.h"
#include "rr_drawn.h"
#include "rr_selftest.h"
#include "rr_solve.h"
#include "rr_tile.h"

union rr_drawn_room rr_drawn_out, rr_drawn_a, rr_drawn_b;
static uint64_t state;
static uint8_t nibbles[RR_DRAW_OUTPUTS * RR_DRAW_K / 2 + 1];

/* SplitMix64; the upper half of each word is scaled to the range. */
int32_t rr_draw(int32_t low, int32_t high)
{
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    const uint64_t range = (uint64_t)((int64_t)high - low + 1);
    return (int32_t)(low + (int64_t)((z >> 32) * range >> 32));
}

void rr_draw_s8(int8_t *out, int32_t n, int32_t low, int32_t high)
{
    for (int32_t i = 0; i < n; i++) out[i] = (int8_t)rr_draw(low, high);
}

static void draw_s32(int32_t *out, int32_t n, int32_t low, int32_t high)
{
    for (int32_t i = 0; i < n; i++) out[i] = rr_draw(low, high);
}

static uint32_t drawn_linear(int32_t bits)
{
    const int32_t rows = rr_draw(1, RR_DRAW_ROWS), n = rr_draw(1, RR_DRAW_OUTPUTS);
    const int32_t k = rr_draw(1, RR_DRAWN_K), out_bits = rr_draw(0, 1) ? 32 : 8;
    int32_t bias[RR_DRAW_OUTPUTS], multiplier[RR_DRAW_OUTPUTS], shift[RR_DRAW_OUTPUTS];
    rr_draw_s8(rr_drawn_a.s8, rows * k, -128, 127);
    rr_draw_s8(rr_drawn_b.s8, n * k, bits == 4 ? -8 : -128, bits == 4 ? 7 : 127);
    draw_s32(bias, n, -(1 << 20), 1 << 20);
    draw_s32(multiplier, n, RR_DRAW_MULTIPLIER, INT32_MAX);
    draw_s32(shift, n, -14, -4);
    if (bits == 8) {
        rr_test_linear_s8(rr_drawn_a.s8, rr_drawn_b.s8, bias, multiplier, shift, rows, n, k, rr_rounding, 0, out_bits,
                          &rr_drawn_out);
    } else {
        for (int32_t i = 0; i < n * k; i += 2) {
            const uint32_t high = i + 1 < n * k ? (uint8_t)rr_drawn_b.s8[i + 1] & 15u : 0;
            nibbles[i / 2] = (uint8_t)(((uint8_t)rr_drawn_b.s8[i] & 15u) | high << 4);
        }
        rr_test_linear_s4(rr_drawn_a.s8, nibbles, bias, multiplier, shift, rows, n, k, rr_rounding, 0, out_bits,
                          &rr_drawn_out);
    }
    return (uint32_t)(rows * n * out_bits / 8);
}

uint32_t rr_drawn_linear_s8(void)
{
    return drawn_linear(8);
}

uint32_t rr_drawn_linear_s4(void)
{
    return drawn_linear(4);
}

uint32_t rr_drawn_quantize_s16(void)
{
    const int32_t n = rr_draw(1, RR_DRAW_N), multiplier = rr_draw(RR_DRAW_MULTIPLIER, INT32_MAX), shift = rr_draw(-12, 0);
    for (int32_t i = 0; i < n; i++) rr_drawn_a.s16[i] = (int16_t)rr_draw(INT16_MIN, INT16_MAX);
    rr_test_quantize_s16(rr_drawn_a.s16, n, multiplier, shift, rr_rounding, 0, rr_drawn_out.s8);
    return (uint32_t)n;
}

uint32_t rr_drawn_quantize_s32(void)
{
    const int32_t n = rr_draw(1, RR_DRAW_N), multiplier = rr_draw(RR_DRAW_MULTIPLIER, INT32_MAX), shift = rr_draw(-14, -2);
    draw_s32(rr_drawn_a.s32, n, -(1 << 20), 1 << 20);
    rr_test_quantize_s32(rr_drawn_a.s32, n, multiplier, shift, rr_rounding, 0, rr_drawn_out.s8);
    return (uint32_t)n;
}

uint32_t rr_drawn_multiply(void)
{
    const int32_t n = rr_draw(1, RR_DRAW_N), multiplier = rr_draw(RR_DRAW_MULTIPLIER, INT32_MAX), shift = rr_draw(-10, -2);
    rr_draw_s8(rr_drawn_a.s8, n, -128, 127);
    rr_draw_s8(rr_drawn_b.s8, n, -128, 127);
    rr_test_multiply(rr_drawn_a.s8, rr_drawn_b.s8, n, multiplier, shift, rr_rounding, 0, rr_drawn_out.s8);
    return (uint32_t)n;
}

uint32_t rr_drawn_rms_norm(void)
{
    const int32_t rows = rr_draw(1, RR_DRAW_ROWS), size = rr_draw(1, RR_DRAWN_K), gain = rr_draw(1 << 26, 1 << 29);
    draw_s32(rr_drawn_a.s32, rows * size, -(1 << 14), 1 << 14);
    rr_test_rms_norm(rr_drawn_a.s32, rows, size, gain, 1, rr_drawn_out.s16);
    return (uint32_t)(2 * rows * size);
}

int32_t rr_run_drawn(void (*put)(const char *text))
{
    int32_t differ = 0, cases = 0;
    for (int32_t i = 0; i < RR_DRAWN_OPERATORS; i++) {
        const rr_drawn *of = &rr_drawn_operators[i];
        int32_t wrong = 0;
        state = of->start;
        for (int32_t j = 0; j < RR_DRAWN_CASES; j++, cases++) {
            const uint32_t bytes = of->call();
            if (rr_test_crc32(&rr_drawn_out, bytes) == of->crc32[j]) continue;
            if (!wrong++) {
                put(of->name);
                put(": differs in drawn case ");
                rr_put_number(put, (uint32_t)j, 10);
                put("\n");
            }
        }
        differ += rr_note(of->name, wrong);
    }
    rr_put_number(put, (uint32_t)(cases - differ), 10);
    put(" of ");
    rr_put_number(put, (uint32_t)cases, 10);
    put(" drawn cases have the reference's answer\n");
    return differ;
}
