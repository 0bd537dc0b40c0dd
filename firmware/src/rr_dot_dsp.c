/* SMLAD kernel: four inputs of two rows by two in 8 multiply-accumulates of two products each.
 * SXTB16 spreads bytes 0 and 2, then 1 and 3, of a word; the staged weights stand in that order. */
#include "rr_dot.h"
#include "rr_fixed.h"
#include "rr_near.h"

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

/* A group of staged inputs of one row, loaded as one double word. */
typedef struct {
    int16x2_t even, odd;
} rr_group;

static inline rr_group rr_group_at(const rr_staged *w)
{
    uint64_t both;
    __builtin_memcpy(&both, __builtin_assume_aligned(w, 8), 8);
    const rr_group group = {(int16x2_t)(uint32_t)both, (int16x2_t)(uint32_t)(both >> 32)};
    return group;
}

/* Sums of two rows of codes with the staged rows: of[i][j] that of row i with staged row j. */
typedef struct {
    int32_t of[2][2];
} rr_square;

/* Add the products of four inputs. */
static inline void rr_add_group(rr_square *sums, const int8_t *a0, const int8_t *a1, const rr_staged *w)
{
    const uint32_t x = rr_load_word(a0), y = rr_load_word(a1);
    const rr_group v0 = rr_group_at(w), v1 = rr_group_at(w + 4);
    const int16x2_t xe = rr_even(x), xo = rr_odd(x), ye = rr_even(y), yo = rr_odd(y);
    sums->of[0][0] = __smlad(xo, v0.odd, __smlad(xe, v0.even, sums->of[0][0]));
    sums->of[1][0] = __smlad(yo, v0.odd, __smlad(ye, v0.even, sums->of[1][0]));
    sums->of[0][1] = __smlad(xo, v1.odd, __smlad(xe, v1.even, sums->of[0][1]));
    sums->of[1][1] = __smlad(yo, v1.odd, __smlad(ye, v1.even, sums->of[1][1]));
}

void rr_dot_rows(const int8_t *a, int32_t step, int32_t rows, int32_t k, rr_sums *sums)
{
    int32_t *to = sums->of[0];
    for (; rows > 0; rows -= 2, a += 2 * step, to += 2) {
        const int8_t *a0 = a, *a1 = rows > 1 ? a + step : a; /* an odd last row is taken twice */
        const rr_staged *w = rr_stage.rows;
        const rr_staged *const end = w + (k & ~3) * 2;
        rr_square d = {{{0, 0}, {0, 0}}};
        for (; w < end; a0 += 4, a1 += 4, w += 8) rr_add_group(&d, a0, a1, w);
        for (int32_t i = 0; i < (k & 3); i++) { /* the codes after the last full word */
            const int32_t w0 = w[RR_STAGED_AT(0, i)], w1 = w[RR_STAGED_AT(1, i)];
            d.of[0][0] += a0[i] * w0;
            d.of[0][1] += a0[i] * w1;
            d.of[1][0] += a1[i] * w0;
            d.of[1][1] += a1[i] * w1;
        }
        to[0] = d.of[0][0];
        to[1] = d.of[1][0];
        to[RR_DOT_ROWS] = d.of[0][1];
        to[RR_DOT_ROWS + 1] = d.of[1][1];
    }
}

void rr_scores_fast(const int8_t *k, int32_t keys, int32_t d, const rr_rescaler *p, int8_t *out, int32_t out_row)
{
    const int32_t multiplier = p->multiplier, exponent = -p->shift;
    for (;; keys -= 2) {
        if (keys == 1) { /* the last of an odd number of keys goes with the one before it, again */
            k -= d;
            out--;
        }
        const int8_t *a = k;
        const int8_t *const end = k + d;
        const rr_staged *w = rr_stage.rows;
        rr_square sums = {{{0, 0}, {0, 0}}};
        k = end;
        do {
            rr_add_group(&sums, a, k, w);
            rr_add_group(&sums, a + 4, k + 4, w + 8);
            a += 8;
            k += 8;
            w += 16;
            __asm__("" : "+r"(k)); /* it ends where the next key begins: not to be computed again */
        } while (a < end);
        out[out_row] = rr_code_near(sums.of[0][1], multiplier, exponent);
        *out++ = rr_code_near(sums.of[0][0], multiplier, exponent);
        out[out_row] = rr_code_near(sums.of[1][1], multiplier, exponent);
        *out++ = rr_code_near(sums.of[1][0], multiplier, exponent);
        if (keys < 3) return;
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
