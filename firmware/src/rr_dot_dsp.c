/* SMLAD kernel: four inputs of two rows by two in 8 multiply-accumulates of two products each.
 * SXTB16 spreads bytes 0 and 2, then 1 and 3, of a word; the staged weights stand in that order. */
#include "rr_dot.h"
#include "rr_fixed.h"

#if defined(RR_KERNEL_DSP)

#include <arm_acle.h>

static inline int16x2_t rr_halves(const void *p)
{
    return (int16x2_t)rr_load_word(p);
}

/* Bytes 0 and 2 as two signed halves. */
static inline int16x2_t rr_even(uint32_t bytes)
{
    return __sxtb16((int8x4_t)bytes);
}

/* Bytes 1 and 3: the rotation is part of the instruction, which the intrinsic cannot say. */
static inline int16x2_t rr_odd(uint32_t bytes)
{
    int16x2_t halves;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(halves) : "r"(bytes));
    return halves;
}

void rr_dot_rows(const int8_t *a, int32_t step, int32_t rows, int32_t k, rr_sums *sums)
{
    for (int32_t r = 0; r < rows; r += 2, a += 2 * step) {
        const int8_t *a0 = a, *a1 = r + 1 < rows ? a + step : a; /* an odd last row is taken twice */
        const rr_staged *w = rr_stage.rows;
        const rr_staged *const end = w + (k & ~3) * 2;
        int32_t d00 = 0, d01 = 0, d10 = 0, d11 = 0;
        while (w < end) {
            const uint32_t x = rr_load_word(a0), y = rr_load_word(a1);
            const int16x2_t even0 = rr_halves(w), odd0 = rr_halves(w + 2);
            const int16x2_t even1 = rr_halves(w + 4), odd1 = rr_halves(w + 6);
            const int16x2_t xe = rr_even(x), xo = rr_odd(x);
            d00 = __smlad(xe, even0, d00);
            d01 = __smlad(xe, even1, d01);
            d00 = __smlad(xo, odd0, d00);
            d01 = __smlad(xo, odd1, d01);
            const int16x2_t ye = rr_even(y), yo = rr_odd(y);
            d10 = __smlad(ye, even0, d10);
            d11 = __smlad(ye, even1, d11);
            d10 = __smlad(yo, odd0, d10);
            d11 = __smlad(yo, odd1, d11);
            a0 += 4;
            a1 += 4;
            w += 8;
        }
        for (int32_t i = 0; i < (k & 3); i++) { /* the codes after the last full word */
            const int32_t w0 = w[RR_STAGED_AT(0, i)], w1 = w[RR_STAGED_AT(1, i)];
            d00 += a0[i] * w0;
            d01 += a0[i] * w1;
            d10 += a1[i] * w0;
            d11 += a1[i] * w1;
        }
        sums->of[0][r] = d00;
        sums->of[1][r] = d01;
        sums->of[0][r + 1] = d10;
        sums->of[1][r + 1] = d11;
    }
}

void rr_dot_columns(const int16_t *a, int32_t step, int32_t rows, int32_t k, rr_sums *sums)
{
    for (int32_t r = 0; r < rows; r += 2, a += 2 * step) {
        const int16_t *a0 = a, *a1 = r + 1 < rows ? a + step : a;
        const int16_t *w0 = rr_stage.columns[0], *w1 = rr_stage.columns[1];
        int32_t d00 = sums->of[0][r], d01 = sums->of[1][r], d10 = sums->of[0][r + 1], d11 = sums->of[1][r + 1];
        for (int32_t pairs = k >> 1; pairs > 0; pairs--) {
            const int16x2_t x = rr_halves(a0), y = rr_halves(a1), v0 = rr_halves(w0), v1 = rr_halves(w1);
            d00 = __smlad(x, v0, d00);
            d01 = __smlad(x, v1, d01);
            d10 = __smlad(y, v0, d10);
            d11 = __smlad(y, v1, d11);
            a0 += 2;
            a1 += 2;
            w0 += 2;
            w1 += 2;
        }
        if (k & 1) { /* SMLABB: the low halves */
            d00 = __smlabb(*a0, *w0, d00);
            d01 = __smlabb(*a0, *w1, d01);
            d10 = __smlabb(*a1, *w0, d10);
            d11 = __smlabb(*a1, *w1, d11);
        }
        sums->of[0][r] = d00;
        sums->of[1][r] = d01;
        sums->of[0][r + 1] = d10;
        sums->of[1][r + 1] = d11;
    }
}

#endif
