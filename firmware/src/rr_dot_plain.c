/* Portable kernel: eight products for eight loads. */
#include "rr_dot.h"
#include "rr_fixed.h"

#if !defined(RR_KERNEL_DSP) && !defined(RR_KERNEL_MVE)

void rr_dot_rows(const int8_t *a, int32_t step, int32_t rows, int32_t k, rr_sums *sums)
{
    for (int32_t r = 0; r < rows; r += 2, a += 2 * step) {
        const int8_t *w0 = rr_stage.rows + RR_STAGED_AT(0, 0), *w1 = rr_stage.rows + RR_STAGED_AT(1, 0);
        const int8_t *a0 = a, *a1 = r + 1 < rows ? a + step : a; /* an odd last row is taken twice */
        int32_t d00 = 0, d01 = 0, d10 = 0, d11 = 0, i = 0;
        for (; i + 2 <= k; i += 2) {
            const int32_t x0 = a0[i], x1 = a1[i], y0 = w0[i], y1 = w1[i];
            const int32_t u0 = a0[i + 1], u1 = a1[i + 1], v0 = w0[i + 1], v1 = w1[i + 1];
            d00 += x0 * y0 + u0 * v0;
            d01 += x0 * y1 + u0 * v1;
            d10 += x1 * y0 + u1 * v0;
            d11 += x1 * y1 + u1 * v1;
        }
        if (i < k) {
            d00 += a0[i] * w0[i];
            d01 += a0[i] * w1[i];
            d10 += a1[i] * w0[i];
            d11 += a1[i] * w1[i];
        }
        sums->of[0][r] = d00;
        sums->of[1][r] = d01;
        sums->of[0][r + 1] = d10;
        sums->of[1][r + 1] = d11;
    }
}

void rr_dot_columns(const int16_t *a, int32_t step, int32_t rows, int32_t k, rr_sums *sums)
{
    const int16_t *w0 = rr_stage.columns[0], *w1 = rr_stage.columns[1];
    for (int32_t r = 0; r < rows; r++, a += step) {
        uint32_t d0 = (uint32_t)sums->of[0][r], d1 = (uint32_t)sums->of[1][r]; /* partial sums may wrap, the final one does not */
        for (int32_t i = 0; i < k; i++) {
            d0 += (uint32_t)(a[i] * w0[i]);
            d1 += (uint32_t)(a[i] * w1[i]);
        }
        sums->of[0][r] = rr_wrap32(d0);
        sums->of[1][r] = rr_wrap32(d1);
    }
}

#endif
