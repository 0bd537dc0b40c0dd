/* Softmax int8 -> int16.  Twin of refimpl/ops/softmax.py; the arithmetic of CMSIS-NN arm_softmax_s8_s16. */
#include "rr_abi.h"
#include "rr_fixed.h"

#if defined(RR_KERNEL_MVE)
#include <arm_mve.h>
#endif

enum { RR_SUM_BITS = 12, RR_MAX_KEYS = 4095 };

/* One place for a product that is taken a few times a row: its text counts. */
static RR_RARE int32_t rr_product(int32_t a, int32_t b)
{
    return rr_mul_high_sat(a, b);
}

static int32_t rr_exp_of(int32_t x)
{
    /* exp(-2^k) in Q0.31 for k = -2 .. 4 */
    static const int32_t factors[7] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
    if (x == 0) return INT32_MAX;
    const int32_t quarter = (int32_t)((uint32_t)x & 0xFFFFFFu) - (1 << 24);
    const uint32_t remainder = (uint32_t)quarter - (uint32_t)x;
    const int32_t t = quarter * 32 + (1 << 28);
    const int32_t t2 = rr_product(t, t);
    const int32_t t3 = rr_product(t2, t);
    const int32_t t4 = rr_product(t2, t2);
    const int32_t inner = rr_shift_round(rr_product(rr_shift_round(t4, 2) + t3, 715827883) + t2, 1);
    int32_t result = 1895147668 + rr_product(t + inner, 1895147668);
    for (int bit = 0; bit < 7; bit++)
        if (remainder & ((uint32_t)1 << (24 + bit))) result = rr_product(result, factors[bit]);
    return result;
}

static int32_t rr_one_over(int32_t x)
{
    const int32_t half_denominator = (int32_t)(((int64_t)x + INT32_MAX + 1) >> 1);
    int32_t y = 1515870810 + rr_product(half_denominator, -1010580540);
    for (int step = 0; step < 3; step++) {
        const int32_t error = (1 << 29) - rr_product(half_denominator, y);
        const int64_t change = (int64_t)rr_product(y, error) * 4;
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

#if defined(RR_KERNEL_MVE)

static int32_t rr_row_max(const int8_t *a, int32_t cols)
{
    int8_t top = -128;
    for (; cols > 0; cols -= 16, a += 16) {
        const mve_pred16_t live = vctp8q((uint32_t)cols);
        top = (int8_t)vmaxvq_p_s8(top, vldrbq_z_s8(a, live), live);
    }
    return top;
}

/* Table entries of four scores, 0 in lanes past the end. */
static inline int32x4_t rr_entries(const int8_t *a, int32_t top, const int32_t *table, mve_pred16_t live)
{
    const int32x4_t diff = vsubq_s32(vdupq_n_s32(top), vldrbq_z_s32(a, live));
    return vldrwq_gather_shifted_offset_z_s32(table, (uint32x4_t)diff, live);
}

static int32_t rr_row_sum(const int8_t *a, int32_t cols, int32_t top, const int32_t *table)
{
    int32_t total = 0;
    for (; cols > 0; cols -= 4, a += 4) {
        const int32x4_t e = vmaxq_s32(rr_entries(a, top, table, vctp32q((uint32_t)cols)), vdupq_n_s32(0));
        total = vaddvaq_s32(total, vrshrq_n_s32(e, RR_SUM_BITS));
    }
    return total;
}

static void rr_probabilities(const int8_t *a, int32_t cols, int32_t top, const int32_t *table, int32_t scale, int32_t bits,
                             int16_t *out)
{
    const int32x4_t none = vdupq_n_s32(INT16_MIN), most = vdupq_n_s32(INT16_MAX);
    for (; cols > 0; cols -= 4, a += 4, out += 4) {
        const mve_pred16_t live = vctp32q((uint32_t)cols);
        const int32x4_t e = rr_entries(a, top, table, live);
        int32x4_t p = vrshlq_n_s32(vqrdmulhq_n_s32(e, scale), -bits); /* both factors positive: ties up is away */
        p = vpselq_s32(vaddq_n_s32(p, INT16_MIN), none, vcmpgeq_n_s32(e, 0));
        vstrhq_p_s32(out, vminq_s32(p, most), live);
    }
}

#else

static int32_t rr_row_max(const int8_t *a, int32_t cols)
{
    int32_t top = -128;
    for (int32_t c = 0; c < cols; c++)
        if (a[c] > top) top = a[c];
    return top;
}

static int32_t rr_row_sum(const int8_t *a, int32_t cols, int32_t top, const int32_t *table)
{
    int32_t total = 0;
    for (int32_t c = 0; c < cols; c++) {
        const int32_t e = table[top - a[c]];
        if (e >= 0) total += ((e >> (RR_SUM_BITS - 1)) + 1) >> 1; /* positive: ties up is away from zero */
    }
    return total;
}

static void rr_probabilities(const int8_t *a, int32_t cols, int32_t top, const int32_t *table, int32_t scale, int32_t bits,
                             int16_t *out)
{
    for (int32_t c = 0; c < cols; c++) {
        const int32_t e = table[top - a[c]];
        if (e < 0) {
            out[c] = INT16_MIN;
            continue;
        }
        const int32_t p = ((rr_mul_high(e, scale) >> (bits - 1)) + 1) >> 1;
        out[c] = (int16_t)(p > 65535 ? INT16_MAX : p - 32768);
    }
}

#endif

static void rr_softmax_row(const int8_t *a, int32_t cols, const int32_t *table, int16_t *out)
{
    const int32_t top = rr_row_max(a, cols), total = rr_row_sum(a, cols, top, table);
    const int32_t headroom = rr_leading_zeros((uint32_t)total);
    const int32_t scale = rr_one_over(rr_wrap32(((uint32_t)total << headroom) - 0x80000000u));
    /* At least one term of the sum is 2^19, so headroom is at most 12 and bits at least 15. */
    rr_probabilities(a, cols, top, table, scale, RR_SUM_BITS - headroom + 15, out);
}

/* A difference of two int8 values takes 256 values: their exponentials, -1 where not counted.  Kept as long as the
 * constants stay the same. */
static const int32_t *rr_exponentials(int32_t multiplier, int32_t shift, int32_t diff_min)
{
    static int32_t table[256], of_multiplier, of_shift, of_diff_min;
    if (multiplier == of_multiplier && shift == of_shift && diff_min == of_diff_min) return table;
    for (int32_t d = 0; d < 256; d++)
        table[d] = -d < diff_min
                       ? -1
                       : rr_exp_of(rr_product(rr_wrap32((uint32_t)-d << shift), multiplier));
    of_multiplier = multiplier;
    of_shift = shift;
    of_diff_min = diff_min;
    return table;
}

int32_t rr_softmax_s8_s16(const int8_t *a, int32_t rows, int32_t cols, int32_t multiplier, int32_t shift,
                          int32_t diff_min, int16_t *out)
{
    if (rows < 1 || cols < 1 || cols > RR_MAX_KEYS) return RR_REFUSED;
    if (multiplier < 0x40000000 || shift < 0 || shift > 31 || diff_min > 0) return RR_REFUSED;
    const int32_t *table = rr_exponentials(multiplier, shift, diff_min);
    for (int32_t r = 0; r < rows; r++) rr_softmax_row(a + r * cols, cols, table, out + r * cols);
    return RR_OK;
}
