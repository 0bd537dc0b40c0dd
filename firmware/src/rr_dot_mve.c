/* Helium kernel: 16 products of int8 an instruction, 8 of int16.  Staged rows end in zeros; of activations, the
 * lanes past the end of a row are loaded as zeros. */
#include "rr_dot.h"

#if defined(RR_KERNEL_MVE)

#include <arm_mve.h>

void rr_dot_rows(const int8_t *a, int32_t step, int32_t rows, int32_t k, rr_sums *sums)
{
    const mve_pred16_t live = vctp8q((uint32_t)(k & 15));
    for (int32_t r = 0; r < rows; r += 2, a += 2 * step) {
        const int8_t *w0 = rr_stage.rows + RR_STAGED_AT(0, 0), *w1 = rr_stage.rows + RR_STAGED_AT(1, 0);
        const int8_t *a0 = a, *a1 = r + 1 < rows ? a + step : a; /* an odd last row is taken twice */
        int32_t d00 = 0, d01 = 0, d10 = 0, d11 = 0;
        for (int32_t whole = k >> 4; whole > 0; whole--) {
            const int8x16_t x0 = vld1q_s8(a0), y0 = vld1q_s8(w0), y1 = vld1q_s8(w1), x1 = vld1q_s8(a1);
            d00 = vmladavaq_s8(d00, x0, y0);
            d01 = vmladavaq_s8(d01, x0, y1);
            d10 = vmladavaq_s8(d10, x1, y0);
            d11 = vmladavaq_s8(d11, x1, y1);
            a0 += 16;
            a1 += 16;
            w0 += 16;
            w1 += 16;
        }
        if (k & 15) {
            const int8x16_t x0 = vldrbq_z_s8(a0, live), x1 = vldrbq_z_s8(a1, live);
            const int8x16_t y0 = vld1q_s8(w0), y1 = vld1q_s8(w1);
            d00 = vmladavaq_s8(d00, x0, y0);
            d01 = vmladavaq_s8(d01, x0, y1);
            d10 = vmladavaq_s8(d10, x1, y0);
            d11 = vmladavaq_s8(d11, x1, y1);
        }
        sums->of[0][r] = d00;
        sums->of[1][r] = d01;
        sums->of[0][r + 1] = d10;
        sums->of[1][r + 1] = d11;
    }
}

void rr_scores_fast(const int8_t *k, int32_t keys, int32_t d, const rr_rescaler *p, int8_t *out, int32_t out_row)
{
    const mve_pred16_t live = out_row ? 0xFFFF : 0x00FF; /* the lanes of queries that there are */
    const uint32x4_t places = {0, 1, (uint32_t)out_row, (uint32_t)out_row + 1};
    const int32_t multiplier = p->multiplier, shift = p->shift;
    const int32x4_t low = vdupq_n_s32(INT8_MIN), high = vdupq_n_s32(INT8_MAX);
    for (;; keys -= 2, out += 2) {
        if (keys == 1) { /* the last of an odd number of keys goes with the one before it, again */
            k -= d;
            out--;
        }
        const int8_t *a = k, *w0 = rr_stage.rows + RR_STAGED_AT(0, 0), *w1 = rr_stage.rows + RR_STAGED_AT(1, 0);
        int32_t d00 = 0, d01 = 0, d10 = 0, d11 = 0, vectors = d >> 4;
        k += d;
        do {
            const int8x16_t x0 = vld1q_s8(a), y0 = vld1q_s8(w0), y1 = vld1q_s8(w1), x1 = vld1q_s8(k);
            d00 = vmladavaq_s8(d00, x0, y0);
            d01 = vmladavaq_s8(d01, x0, y1);
            d10 = vmladavaq_s8(d10, x1, y0);
            d11 = vmladavaq_s8(d11, x1, y1);
            a += 16;
            k += 16;
            w0 += 16;
            w1 += 16;
            __asm__("" : "+r"(k)); /* it ends where the next key begins: not to be computed again */
        } while (--vectors > 0);
        const int32x4_t sums = {d00, d10, d01, d11}, x = vqrdmulhq_n_s32(sums, multiplier);
        const int32x4_t y = vrshlq_n_s32(vaddq_s32(x, vshrq_n_s32(x, 31)), shift); /* ties below zero go down */
        vstrbq_scatter_offset_p_s32(out, places, vminq_s32(vmaxq_s32(y, low), high), live);
        if (keys < 3) return;
    }
}

void rr_dot_columns(const int16_t *a, int32_t step, int32_t rows, int32_t k, rr_sums *sums)
{
    const mve_pred16_t live = vctp16q((uint32_t)(k & 7));
    for (int32_t r = 0; r < rows; r += 2, a += 2 * step) {
        const int16_t *a0 = a, *a1 = r + 1 < rows ? a + step : a;
        const int16_t *w0 = rr_stage.columns[0], *w1 = rr_stage.columns[1];
        int32_t d00 = sums->of[0][r], d01 = sums->of[1][r], d10 = sums->of[0][r + 1], d11 = sums->of[1][r + 1];
        for (int32_t whole = k >> 3; whole > 0; whole--) {
            const int16x8_t x0 = vld1q_s16(a0), y0 = vld1q_s16(w0), y1 = vld1q_s16(w1), x1 = vld1q_s16(a1);
            d00 = vmladavaq_s16(d00, x0, y0);
            d01 = vmladavaq_s16(d01, x0, y1);
            d10 = vmladavaq_s16(d10, x1, y0);
            d11 = vmladavaq_s16(d11, x1, y1);
            a0 += 8;
            a1 += 8;
            w0 += 8;
            w1 += 8;
        }
        if (k & 7) {
            const int16x8_t x0 = vldrhq_z_s16(a0, live), x1 = vldrhq_z_s16(a1, live);
            const int16x8_t y0 = vld1q_s16(w0), y1 = vld1q_s16(w1);
            d00 = vmladavaq_s16(d00, x0, y0);
            d01 = vmladavaq_s16(d01, x0, y1);
            d10 = vmladavaq_s16(d10, x1, y0);
            d11 = vmladavaq_s16(d11, x1, y1);
        }
        sums->of[0][r] = d00;
        sums->of[1][r] = d01;
        sums->of[0][r + 1] = d10;
        sums->of[1][r + 1] = d11;
    }
}

#endif
