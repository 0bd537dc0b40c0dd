/* Requantization of many sums with one multiplier.  Spec section 2. */
#include "rr_rescale.h"
#include "rr_fixed.h"
#include "rr_near.h"

#if defined(RR_KERNEL_MVE)
#include <arm_mve.h>
#endif

rr_rescaler rr_rescaler_of(int32_t multiplier, int32_t shift, int32_t rounding, int32_t offset, int32_t out_bits)
{
    const uint32_t top = (uint32_t)1 << (out_bits - 1), moved = (uint32_t)offset;
    const int32_t room = (int32_t)(0x80000000u - top); /* offsets that leave both limits within 32 bits */
    const int32_t low = offset > room ? INT32_MIN : rr_wrap32(0u - top - moved);
    const int32_t high = offset < -room ? INT32_MAX : rr_wrap32(top - 1u - moved);
    const rr_rescaler p = {multiplier, shift, rounding, 0, offset, low, high, out_bits};
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

/* Any sum, any shift: what the loops below leave to it is rare. */
static RR_RARE int32_t rr_scaled(const rr_rescaler *p, int32_t acc)
{
    return rr_scale(acc, p->multiplier, p->shift, p->rounding);
}

#if defined(RR_KERNEL_DSP)
/* int8 codes without an offset, which SSAT clamps. */
static void rr_codes_run(const rr_rescaler *p, const int32_t *sums, int32_t n, int8_t *out, int32_t step)
{
    const int32_t multiplier = p->multiplier, exponent = -p->shift;
    const uint32_t bias = (uint32_t)p->bias;
    for (const int32_t *const end = sums + n; sums < end; out += step) {
        const int32_t acc = rr_wrap32((uint32_t)*sums++ + bias);
        *out = rr_is_near(acc) ? rr_code_near(acc, multiplier, exponent) : rr_saturate8(rr_scaled(p, acc));
    }
}
#endif

static void rr_scalar(const rr_rescaler *p, const int32_t *sums, int32_t n, void *out, int32_t step)
{
    const int32_t multiplier = p->multiplier, exponent = -p->shift, out_bits = p->out_bits;
    const uint32_t bias = (uint32_t)p->bias;
    const int32_t down = p->rounding == RR_DOUBLE && exponent > 0;
#if defined(RR_KERNEL_DSP)
    if (down && out_bits == 8 && p->offset == 0) {
        rr_codes_run(p, sums, n, out, step);
        return;
    }
#endif
    for (int32_t i = 0, at = 0; i < n; i++, at += step) {
        const int32_t acc = rr_wrap32((uint32_t)sums[i] + bias);
#if defined(RR_KERNEL_DSP)
        const int32_t y = down && rr_is_near(acc) ? rr_near(acc, multiplier, exponent) : rr_scaled(p, acc);
#else
        const int32_t y = down ? rr_requantize_down(acc, multiplier, exponent) : rr_scaled(p, acc);
#endif
        rr_put(out, out_bits, at, rr_clamped(p, y));
    }
}

#if defined(RR_KERNEL_MVE)

/* How four results are stored: as words, halves or bytes `step` apart, or as bytes side by side. */
enum { RR_ANY, RR_BYTES, RR_CODES };

static inline __attribute__((always_inline)) void rr_vectors(const rr_rescaler *p, const int32_t *sums, int32_t n, void *out,
                                                             int32_t step, const int form)
{
    const int32_t left = p->shift > 0 ? p->shift : 0, right = p->shift < 0 ? p->shift : 0;
    const int32_t multiplier = p->multiplier, bias = p->bias, offset = p->offset, out_bits = p->out_bits;
    const int32x4_t low = vdupq_n_s32(p->low), high = vdupq_n_s32(p->high);
    uint32x4_t places = vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)step);
    int8_t *codes = out;
    for (; n > 0; n -= 4, sums += 4, codes += 4) {
        const mve_pred16_t live = vctp32q((uint32_t)n);
        int32x4_t x = vaddq_n_s32(n < 4 ? vldrwq_z_s32(sums, live) : vld1q_s32(sums), bias);
        if (form == RR_ANY) x = vshlq_r_s32(x, left);
        x = vqrdmulhq_n_s32(x, multiplier);
        if (form != RR_ANY || right) x = vaddq_s32(x, vshrq_n_s32(x, 31)); /* ties below zero go down */
        x = vaddq_n_s32(vminq_s32(vmaxq_s32(vrshlq_n_s32(x, right), low), high), offset);
        if (form == RR_CODES && n >= 4) vstrbq_s32(codes, x);
        else if (form == RR_CODES) vstrbq_p_s32(codes, x, live);
        else if (form == RR_BYTES && n >= 4) vstrbq_scatter_offset_s32(out, places, x);
        else if (out_bits <= 8) vstrbq_scatter_offset_p_s32(out, places, x, live);
        else if (out_bits == 32) vstrwq_scatter_shifted_offset_p_s32(out, places, x, live);
        else vstrhq_scatter_shifted_offset_p_s32(out, places, x, live);
        places = vaddq_n_u32(places, (uint32_t)(4 * step));
    }
}

void rr_rescale_run(const rr_rescaler *p, const int32_t *sums, int32_t n, void *out, int32_t step)
{
    if (p->rounding != RR_DOUBLE) rr_scalar(p, sums, n, out, step);
    else if (p->shift >= 0 || p->out_bits > 8) rr_vectors(p, sums, n, out, step, RR_ANY);
    else if (step == 1) rr_vectors(p, sums, n, out, 1, RR_CODES);
    else rr_vectors(p, sums, n, out, step, RR_BYTES);
}

#else

void rr_rescale_run(const rr_rescaler *p, const int32_t *sums, int32_t n, void *out, int32_t step)
{
    rr_scalar(p, sums, n, out, step);
}

#endif
