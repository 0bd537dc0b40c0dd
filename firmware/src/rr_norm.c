/* RMSNorm.  Twin of refimpl/ops/rms_norm.py. */
#include "rr_abi.h"
#include "rr_fixed.h"

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

static void rr_norm_row(const int32_t *h, int32_t size, int32_t gain, int32_t eps, int16_t *out)
{
    int64_t total = eps;
    for (int32_t i = 0; i < size; i++) total += (int64_t)h[i] * h[i];
    const int32_t length = rr_log2((uint64_t)total);
    /* total = m * 2^s, s even, m in [2^29, 2^31) */
    const int32_t s = length >= 29 ? ((length - 29) / 2) * 2 : -((29 - length + 1) / 2) * 2;
    const int32_t m = (int32_t)(s >= 0 ? total >> s : total << -s);
    const int64_t g = (rr_root_of(m) * gain) >> 30;
    const int32_t exponent = 30 + s / 2;
    const int64_t half = (int64_t)1 << (exponent - 1);
    if (exponent >= 32 && g <= INT32_MAX) {
        /* The usual case: one 32-bit product, and only the upper word is shifted. */
        const int32_t factor = (int32_t)g, upper = exponent - 32;
        for (int32_t i = 0; i < size; i++) {
            const int32_t y = (int32_t)(((int64_t)h[i] * factor + half) >> 32) >> upper;
            out[i] = (int16_t)(y < -32768 ? -32768 : y > 32767 ? 32767 : y);
        }
        return;
    }
    for (int32_t i = 0; i < size; i++) out[i] = rr_saturate16((h[i] * g + half) >> exponent);
}

int32_t rr_rms_norm(const int32_t *h, int32_t rows, int32_t size, int32_t gain, int32_t eps, int16_t *out)
{
    if (rows < 1 || size < 1 || size > RR_MAX_NORM_SIZE || gain < 1 || eps < 1) return RR_REFUSED;
    for (int32_t r = 0; r < rows; r++) rr_norm_row(h + r * size, size, gain, eps, out + r * size);
    return RR_OK;
}
