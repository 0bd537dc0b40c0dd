/* Requantization of many sums with one multiplier.  Spec section 2. */
#include "rr_rescale.h"
#include "rr_fixed.h"

#if defined(RR_KERNEL_MVE)
#include <arm_mve.h>
#endif

rr_rescaler rr_rescaler_of(int32_t multiplier, int32_t shift, int32_t rounding, int32_t offset, int32_t out_bits)
{
    const int64_t top = (int64_t)1 << (out_bits - 1);
    rr_rescaler p = {multiplier, shift, rounding, 0, offset, 0, 0, out_bits};
    p.low = rr_saturate(-top - offset, INT32_MIN, INT32_MAX);
    p.high = rr_saturate(top - 1 - offset, INT32_MIN, INT32_MAX);
    return p;
}

static inline void rr_put(void *out, int32_t out_bits, int32_t at, int32_t y)
{
    if (out_bits <= 8) ((int8_t *)out)[at] = (int8_t)y;
    else if (out_bits == 16) ((int16_t *)out)[at] = (int16_t)y;
    else ((int32_t *)out)[at] = y;
}

static inline int32_t rr_clamped(const rr_rescaler *p, int32_t y)
{
    return (y < p->low ? p->low : y > p->high ? p->high : y) + p->offset;
}

static void rr_scalar(const rr_rescaler *p, const int32_t *sums, int32_t n, void *out, int32_t step)
{
    const int32_t multiplier = p->multiplier, out_bits = p->out_bits;
    const uint32_t bias = (uint32_t)p->bias;
    int32_t at = 0;
    if (p->rounding == RR_DOUBLE && p->shift < 0) {
        /* A product of 31 bits is no INT32_MIN, so that x - 1 exists: below zero it turns ties up into ties away. */
        const int32_t last = -p->shift - 1;
        for (int32_t i = 0; i < n; i++, at += step) {
            const int32_t x = rr_mul_high(rr_wrap32((uint32_t)sums[i] + bias), multiplier);
            rr_put(out, out_bits, at, rr_clamped(p, (((x + (x >> 31)) >> last) + 1) >> 1));
        }
        return;
    }
    for (int32_t i = 0; i < n; i++, at += step)
        rr_put(out, out_bits, at,
               rr_clamped(p, rr_scale(rr_wrap32((uint32_t)sums[i] + bias), multiplier, p->shift, p->rounding)));
}

#if defined(RR_KERNEL_MVE)

void rr_rescale_run(const rr_rescaler *p, const int32_t *sums, int32_t n, void *out, int32_t step)
{
    if (p->rounding != RR_DOUBLE) {
        rr_scalar(p, sums, n, out, step);
        return;
    }
    const int32_t left = p->shift > 0 ? p->shift : 0, right = p->shift < 0 ? -p->shift : 0;
    const int32_t multiplier = p->multiplier, bias = p->bias, offset = p->offset, out_bits = p->out_bits;
    const int32x4_t away = vdupq_n_s32(right ? -1 : 0); /* ties away from zero, where anything is rounded */
    const int32x4_t low = vdupq_n_s32(p->low), high = vdupq_n_s32(p->high);
    uint32x4_t places = vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)step);
    for (; n > 0; n -= 4, sums += 4) {
        int32x4_t x = vshlq_r_s32(vaddq_n_s32(n < 4 ? vldrwq_z_s32(sums, vctp32q((uint32_t)n)) : vld1q_s32(sums), bias), left);
        x = vqrdmulhq_n_s32(x, multiplier);
        x = vaddq_s32(x, vandq_s32(vshrq_n_s32(x, 31), away));
        x = vaddq_n_s32(vminq_s32(vmaxq_s32(vrshlq_n_s32(x, -right), low), high), offset);
        if (n < 4) {
            const mve_pred16_t live = vctp32q((uint32_t)n);
            if (out_bits <= 8) vstrbq_scatter_offset_p_s32(out, places, x, live);
            else if (out_bits == 32) vstrwq_scatter_shifted_offset_p_s32(out, places, x, live);
            else vstrhq_scatter_shifted_offset_p_s32(out, places, x, live);
        } else if (out_bits <= 8) vstrbq_scatter_offset_s32(out, places, x);
        else if (out_bits == 32) vstrwq_scatter_shifted_offset_s32(out, places, x);
        else vstrhq_scatter_shifted_offset_s32(out, places, x);
        places = vaddq_n_u32(places, (uint32_t)(4 * step));
    }
}

#else

void rr_rescale_run(const rr_rescaler *p, const int32_t *sums, int32_t n, void *out, int32_t step)
{
    rr_scalar(p, sums, n, out, step);
}

#endif
