/* Softmax int8 -> int16.  Twin of refimpl/ops/softmax.py; the arithmetic of CMSIS-NN arm_softmax_s8_s16. */
#include "rr_abi.h"
#include "rr_fixed.h"

enum { RR_SUM_BITS = 12, RR_MAX_KEYS = 4095 };

static int32_t rr_exp_of(int32_t x)
{
    /* exp(-2^k) in Q0.31 for k = -2 .. 4 */
    static const int32_t factors[7] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
    if (x == 0) return INT32_MAX;
    const int32_t quarter = (int32_t)((uint32_t)x & 0xFFFFFFu) - (1 << 24);
    const uint32_t remainder = (uint32_t)quarter - (uint32_t)x;
    const int32_t t = quarter * 32 + (1 << 28);
    const int32_t t2 = rr_mul_high_sat(t, t);
    const int32_t t3 = rr_mul_high_sat(t2, t);
    const int32_t t4 = rr_mul_high_sat(t2, t2);
    const int32_t inner = rr_shift_round(rr_mul_high_sat(rr_shift_round(t4, 2) + t3, 715827883) + t2, 1);
    int32_t result = 1895147668 + rr_mul_high_sat(t + inner, 1895147668);
    for (int bit = 0; bit < 7; bit++)
        if (remainder & ((uint32_t)1 << (24 + bit))) result = rr_mul_high_sat(result, factors[bit]);
    return result;
}

static int32_t rr_one_over(int32_t x)
{
    const int32_t half_denominator = (int32_t)(((int64_t)x + INT32_MAX + 1) >> 1);
    int32_t y = 1515870810 + rr_mul_high_sat(half_denominator, -1010580540);
    for (int step = 0; step < 3; step++) {
        const int32_t error = (1 << 29) - rr_mul_high_sat(half_denominator, y);
        const int64_t change = (int64_t)rr_mul_high_sat(y, error) * 4;
        y += rr_saturate(change, INT32_MIN, INT32_MAX);
    }
    return rr_saturate((int64_t)y * 2, INT32_MIN, INT32_MAX);
}

static int32_t rr_leading_zeros(uint32_t x)
{
    int32_t count = 31;
    for (int32_t step = 16; step > 0; step >>= 1)
        if (x >> step) {
            x >>= step;
            count -= step;
        }
    return count;
}

int32_t rr_exp_on_negative(const int32_t *x, int32_t n, int32_t *out)
{
    if (n < 1) return RR_REFUSED;
    for (int32_t i = 0; i < n; i++)
        if (x[i] > 0) return RR_REFUSED;
    for (int32_t i = 0; i < n; i++) out[i] = rr_exp_of(x[i]);
    return RR_OK;
}

int32_t rr_one_over_one_plus(const int32_t *x, int32_t n, int32_t *out)
{
    if (n < 1) return RR_REFUSED;
    for (int32_t i = 0; i < n; i++)
        if (x[i] < 0) return RR_REFUSED;
    for (int32_t i = 0; i < n; i++) out[i] = rr_one_over(x[i]);
    return RR_OK;
}

static void rr_softmax_row(const int8_t *a, int32_t cols, const int32_t *table, int16_t *out)
{
    int32_t top = -128, total = 0;
    for (int32_t c = 0; c < cols; c++)
        if (a[c] > top) top = a[c];
    for (int32_t c = 0; c < cols; c++) {
        const int32_t e = table[top - a[c]];
        if (e >= 0) total += rr_shift_round(e, RR_SUM_BITS);
    }
    const int32_t headroom = rr_leading_zeros((uint32_t)total);
    const int32_t scale = rr_one_over(rr_wrap32(((uint32_t)total << headroom) - 0x80000000u));
    const int32_t bits = RR_SUM_BITS - headroom + 15;
    for (int32_t c = 0; c < cols; c++) {
        const int32_t e = table[top - a[c]];
        out[c] = e < 0 ? INT16_MIN : rr_saturate16(rr_shift_round(rr_mul_high_sat(e, scale), bits) - 32768);
    }
}

int32_t rr_softmax_s8_s16(const int8_t *a, int32_t rows, int32_t cols, int32_t multiplier, int32_t shift,
                          int32_t diff_min, int16_t *out)
{
    /* A difference of two int8 values takes 256 values: their exponentials, -1 where not counted. */
    static int32_t table[256];
    if (rows < 1 || cols < 1 || cols > RR_MAX_KEYS) return RR_REFUSED;
    if (multiplier < 0x40000000 || shift < 0 || shift > 31 || diff_min > 0) return RR_REFUSED;
    for (int32_t d = 0; d < 256; d++)
        table[d] = -d < diff_min
                       ? -1
                       : rr_exp_of(rr_mul_high_sat(rr_wrap32((uint32_t)-d << shift), multiplier));
    for (int32_t r = 0; r < rows; r++) rr_softmax_row(a + r * cols, cols, table, out + r * cols);
    return RR_OK;
}
