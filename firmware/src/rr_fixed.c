/* Array forms of the fixed-point rules, and the reciprocal square root. */
#include "rr_abi.h"
#include "rr_fixed.h"

int32_t rr_high_multiply(const int32_t *a, const int32_t *b, int32_t n, int32_t *out)
{
    if (n < 1) return RR_REFUSED;
    for (int32_t i = 0; i < n; i++)
        if (a[i] == INT32_MIN && b[i] == INT32_MIN) return RR_REFUSED;
    for (int32_t i = 0; i < n; i++) out[i] = rr_mul_high(a[i], b[i]);
    return RR_OK;
}

int32_t rr_saturating_high_multiply(const int32_t *a, const int32_t *b, int32_t n, int32_t *out)
{
    if (n < 1) return RR_REFUSED;
    for (int32_t i = 0; i < n; i++) out[i] = rr_mul_high_sat(a[i], b[i]);
    return RR_OK;
}

int32_t rr_rounding_shift(const int32_t *x, const int32_t *exponent, int32_t n, int32_t *out)
{
    if (n < 1) return RR_REFUSED;
    for (int32_t i = 0; i < n; i++)
        if (exponent[i] < 0 || exponent[i] > 31) return RR_REFUSED;
    for (int32_t i = 0; i < n; i++) out[i] = rr_shift_round(x[i], exponent[i]);
    return RR_OK;
}

int32_t rr_requantize(const int32_t *acc, const int32_t *multiplier, const int32_t *shift, int32_t n,
                      int32_t rounding, int32_t *out)
{
    if (n < 1 || !rr_rounding_valid(rounding)) return RR_REFUSED;
    for (int32_t i = 0; i < n; i++)
        if (!rr_rescale_valid(multiplier[i], shift[i])) return RR_REFUSED;
    for (int32_t i = 0; i < n; i++) out[i] = rr_scale(acc[i], multiplier[i], shift[i], rounding);
    return RR_OK;
}

int32_t rr_unpack_int4(const uint8_t *packed, int32_t n, int8_t *out)
{
    if (n < 1) return RR_REFUSED;
    for (int32_t i = 0; i < n; i++) out[i] = rr_nibble(packed, i);
    return RR_OK;
}

/* Entry i: isqrt(2^36 / (2 i + 65)), the root at the middle of (i + 32 .. i + 33) / 128, in Q1.14. */
static const uint16_t rr_root_seed[96] = {
    32514, 32025, 31558, 31110, 30681, 30269, 29874, 29493, 29127, 28774, 28433, 28104,
    27787, 27480, 27183, 26895, 26616, 26346, 26084, 25829, 25582, 25342, 25108, 24881,
    24660, 24445, 24235, 24030, 23831, 23636, 23446, 23261, 23080, 22903, 22730, 22561,
    22396, 22234, 22076, 21921, 21769, 21621, 21475, 21332, 21193, 21055, 20921, 20789,
    20659, 20532, 20407, 20285, 20164, 20046, 19930, 19816, 19703, 19593, 19485, 19378,
    19273, 19169, 19068, 18968, 18869, 18772, 18676, 18582, 18490, 18398, 18308, 18220,
    18132, 18046, 17961, 17878, 17795, 17714, 17633, 17554, 17476, 17399, 17322, 17247,
    17173, 17100, 17028, 16956, 16886, 16816, 16747, 16679, 16612, 16546, 16480, 16416
};

int64_t rr_root_of(int32_t m)
{
    int64_t y = (int64_t)rr_root_seed[(m >> 24) - 32] << 16;
    for (int step = 0; step < 2; step++) {
        const int64_t square = (y * y) >> 30;
        y = (y * (((int64_t)3 << 30) - ((m * square) >> 31))) >> 31;
    }
    return y;
}

int32_t rr_reciprocal_root(const int32_t *m, int32_t n, int64_t *out)
{
    if (n < 1) return RR_REFUSED;
    for (int32_t i = 0; i < n; i++)
        if (m[i] < (1 << 29)) return RR_REFUSED;
    for (int32_t i = 0; i < n; i++) out[i] = rr_root_of(m[i]);
    return RR_OK;
}
