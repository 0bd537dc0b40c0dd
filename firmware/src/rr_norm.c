/* RMSNorm.  Twin of refimpl/ops/rms_norm.py. */
#include "rr_abi.h"
#include "rr_norm.h"

enum { RR_MAX_NORM_SIZE = 1023 };

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

rr_norm_scale rr_norm_scale_of(const int32_t *h, int32_t size, int32_t gain, int32_t eps)
{
    int64_t total = eps;
    for (int32_t i = 0; i < size; i++) total += (int64_t)h[i] * h[i];
    const int32_t length = rr_log2((uint64_t)total);
    /* total = m * 2^s, s even, m in [2^29, 2^31) */
    const int32_t s = length >= 29 ? ((length - 29) / 2) * 2 : -((29 - length + 1) / 2) * 2;
    const int32_t m = (int32_t)(s >= 0 ? total >> s : total << -s);
    const int64_t g = (rr_root_of(m) * gain) >> 30;
    const int32_t exponent = 30 + s / 2;
    const rr_norm_scale scale = {g, (int64_t)1 << (exponent - 1), exponent, exponent >= 32 && g <= INT32_MAX};
    return scale;
}

/* Whether each row's sum of squares and eps stay below 2^63. */
static int rr_squares_fit(const int32_t *h, int32_t rows, int32_t size, int32_t eps)
{
    for (int32_t r = 0; r < rows; r++, h += size) {
        int64_t room = INT64_MAX - eps;
        for (int32_t i = 0; i < size; i++) {
            const int64_t square = (int64_t)h[i] * h[i];
            if (square > room) return 0;
            room -= square;
        }
    }
    return 1;
}

int32_t rr_rms_norm(const int32_t *h, int32_t rows, int32_t size, int32_t gain, int32_t eps, int16_t *out)
{
    if (rows < 1 || size < 1 || size > RR_MAX_NORM_SIZE || gain < 1 || eps < 1) return RR_REFUSED;
    if (!rr_squares_fit(h, rows, size, eps)) return RR_REFUSED;
    for (int32_t r = 0; r < rows; r++, h += size, out += size) {
        const rr_norm_scale scale = rr_norm_scale_of(h, size, gain, eps);
        for (int32_t i = 0; i < size; i++) out[i] = rr_normed(&scale, h[i]);
    }
    return RR_OK;
}
