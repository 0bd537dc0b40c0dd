/* RMSNorm.  Twin of refimpl/ops/rms_norm.py. */
#include "rr_abi.h"
#include "rr_fixed.h"
#include "rr_norm.h"

#if defined(RR_KERNEL_MVE)
#include <arm_mve.h>
#endif

static int32_t rr_log2(uint64_t x)
{
    int32_t length = 0;
    for (int32_t step = 32; step > 0; step >>= 1)
        if (x >> step) {
            x >>= step;
            length += step;
        }
    return length;
}

#if defined(RR_KERNEL_MVE)

static int64_t rr_squares(const int32_t *h, int32_t size, int64_t total)
{
    for (; size > 3; size -= 4, h += 4) {
        const int32x4_t x = vld1q_s32(h);
        total = vmlaldavaq_s32(total, x, x);
    }
    if (size > 0) {
        const int32x4_t x = vldrwq_z_s32(h, vctp32q((uint32_t)size));
        total = vmlaldavaq_s32(total, x, x);
    }
    return total;
}

#else

static int64_t rr_squares(const int32_t *h, int32_t size, int64_t total)
{
    for (int32_t i = 0; i < size; i++) total += (int64_t)h[i] * h[i];
    return total;
}

#endif

rr_norm_scale rr_norm_scale_of(const int32_t *h, int32_t size, int32_t gain, int32_t eps)
{
    const int64_t total = rr_squares(h, size, eps);
    const int32_t length = rr_log2((uint64_t)total);
    /* total = m * 2^s, s even, m in [2^29, 2^31) */
    const int32_t s = length >= 29 ? ((length - 29) / 2) * 2 : -((29 - length + 1) / 2) * 2;
    const int32_t m = (int32_t)(s >= 0 ? total >> s : total << -s);
    const rr_norm_scale scale = {(rr_root_of(m) * gain) >> 30, 30 + s / 2};
    return scale;
}

/* How a factor of 31 bits is applied: h << left times factor, its upper word, shifted right to nearest.
 * |h| is below 2^(15.5 + s / 2), so that h << left, by at most 3 - s / 2, keeps 32 bits; the shift right is 1 or
 * more, so that the half it adds has no bit in the lower word, which may go. */
typedef struct {
    int32_t factor, left, right;
} rr_narrow;

static rr_narrow rr_narrow_of(const rr_norm_scale *p)
{
    const int32_t left = p->exponent < 33 ? 33 - p->exponent : 0;
    const rr_narrow q = {(int32_t)p->factor, left, p->exponent + left - 32};
    return q;
}

static inline void rr_put(void *out, int32_t out_bits, int32_t at, int32_t y)
{
    if (out_bits == 16) ((int16_t *)out)[at] = (int16_t)y;
    else ((int32_t *)out)[at] = y;
}

static void rr_wide_run(const rr_norm_scale *p, const int32_t *h, int32_t n, void *out, int32_t out_bits, int32_t step)
{
    const int64_t half = (int64_t)1 << (p->exponent - 1);
    for (int32_t i = 0; i < n; i++)
        rr_put(out, out_bits, i * step, rr_saturate16((h[i] * p->factor + half) >> p->exponent));
}

#if defined(RR_KERNEL_MVE)

static void rr_narrow_run(rr_narrow q, const int32_t *h, int32_t n, void *out, int32_t out_bits, int32_t step)
{
    const int32x4_t low = vdupq_n_s32(-32768), high = vdupq_n_s32(32767);
    uint32x4_t places = vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)step);
    for (; n > 0; n -= 4, h += 4) {
        const mve_pred16_t live = vctp32q((uint32_t)n);
        const int32x4_t x = vshlq_r_s32(vldrwq_z_s32(h, live), q.left);
        const int32x4_t y = vrshlq_n_s32(vmulhq_s32(x, vdupq_n_s32(q.factor)), -q.right);
        const int32x4_t z = vminq_s32(vmaxq_s32(y, low), high);
        if (out_bits == 16) vstrhq_scatter_shifted_offset_p_s32(out, places, z, live);
        else vstrwq_scatter_shifted_offset_p_s32(out, places, z, live);
        places = vaddq_n_u32(places, (uint32_t)(4 * step));
    }
}

#else

static inline int32_t rr_narrowed(rr_narrow q, int32_t h)
{
    const int32_t x = rr_wrap32((uint32_t)h << q.left), high = (int32_t)(((int64_t)x * q.factor) >> 32);
    const int32_t y = (high + (1 << (q.right - 1))) >> q.right;
#if defined(RR_KERNEL_DSP)
    return (int32_t)__builtin_arm_ssat(y, 16);
#else
    return y < -32768 ? -32768 : y > 32767 ? 32767 : y;
#endif
}

static void rr_narrow_run(rr_narrow q, const int32_t *h, int32_t n, void *out, int32_t out_bits, int32_t step)
{
    int16_t *short_out = out;
    int32_t *long_out = out;
    if (out_bits == 16)
        for (; n > 0; n--, short_out += step) *short_out = (int16_t)rr_narrowed(q, *h++);
    else
        for (; n > 0; n--, long_out += step) *long_out = rr_narrowed(q, *h++);
}

#endif

void rr_norm_run(const rr_norm_scale *p, const int32_t *h, int32_t n, void *out, int32_t out_bits, int32_t step)
{
    if (p->factor > INT32_MAX) rr_wide_run(p, h, n, out, out_bits, step);
    else rr_narrow_run(rr_narrow_of(p), h, n, out, out_bits, step);
}

/* Whether a row's sum of squares and eps stay below 2^63. */
static int rr_squares_fit(const int32_t *h, int32_t size, int32_t eps)
{
    uint32_t bits = 0;
    for (int32_t i = 0; i < size; i++) bits |= (uint32_t)(h[i] ^ (h[i] >> 31));
    if (bits < (uint32_t)1 << 26) return 1; /* at most 1,023 squares of 52 bits */
    int64_t room = INT64_MAX - eps;
    for (int32_t i = 0; i < size; i++) {
        const int64_t square = (int64_t)h[i] * h[i];
        if (square > room) return 0;
        room -= square;
    }
    return 1;
}

int32_t rr_rms_norm(const int32_t *h, int32_t rows, int32_t size, int32_t gain, int32_t eps, int16_t *out)
{
    if (rows < 1 || size < 1 || size > RR_MAX_NORM_SIZE || gain < 1 || eps < 1) return RR_REFUSED;
    for (int32_t r = 0; r < rows; r++)
        if (!rr_squares_fit(h + r * size, size, eps)) return RR_REFUSED;
    for (int32_t r = 0; r < rows; r++, h += size, out += size) {
        const rr_norm_scale scale = rr_norm_scale_of(h, size, gain, eps);
        rr_norm_run(&scale, h, size, out, 16, 1);
    }
    return RR_OK;
}
