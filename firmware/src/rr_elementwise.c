/* Operators without a reduction: rescale, quantize, multiply, silu, add, argmax. */
#include "rr_abi.h"
#include "rr_fixed.h"
#include "rr_rescale.h"

static int rr_valid(int32_t n, int32_t multiplier, int32_t shift, int32_t rounding)
{
    return n >= 1 && rr_rescale_valid(multiplier, shift) && rr_rounding_valid(rounding);
}

enum { RR_AT_ONCE = 64 }; /* values widened to int32 on the stack */

int32_t rr_rescale(const int32_t *acc, int32_t n, int32_t multiplier, int32_t shift, int32_t rounding,
                   int32_t output_offset, int32_t out_bits, void *out)
{
    if (!rr_valid(n, multiplier, shift, rounding)) return RR_REFUSED;
    if (out_bits != 4 && out_bits != 8 && out_bits != 16 && out_bits != 32) return RR_REFUSED;
    const rr_rescaler p = rr_rescaler_of(multiplier, shift, rounding, output_offset, out_bits);
    rr_rescale_run(&p, acc, n, out, 1);
    return RR_OK;
}

int32_t rr_quantize_s16(const int16_t *h, int32_t n, int32_t multiplier, int32_t shift, int32_t rounding,
                        int32_t output_offset, int8_t *out)
{
    if (!rr_valid(n, multiplier, shift, rounding)) return RR_REFUSED;
    const rr_rescaler p = rr_rescaler_of(multiplier, shift, rounding, output_offset, 8);
    int32_t wide[RR_AT_ONCE];
    for (int32_t start = 0; start < n; start += RR_AT_ONCE) {
        const int32_t count = n - start < RR_AT_ONCE ? n - start : RR_AT_ONCE;
        for (int32_t i = 0; i < count; i++) wide[i] = h[start + i];
        rr_rescale_run(&p, wide, count, out + start, 1);
    }
    return RR_OK;
}

int32_t rr_quantize_s32(const int32_t *h, int32_t n, int32_t multiplier, int32_t shift, int32_t rounding,
                        int32_t output_offset, int8_t *out)
{
    return rr_rescale(h, n, multiplier, shift, rounding, output_offset, 8, out);
}

int32_t rr_int8_carry(const int16_t *h, int32_t n, int32_t code_multiplier, int32_t code_shift,
                      int32_t state_multiplier, int32_t state_shift, int32_t rounding, int16_t *out)
{
    if (!rr_valid(n, code_multiplier, code_shift, rounding)) return RR_REFUSED;
    if (!rr_rescale_valid(state_multiplier, state_shift)) return RR_REFUSED;
    for (int32_t i = 0; i < n; i++) {
        const int8_t code = rr_saturate8(rr_scale(h[i], code_multiplier, code_shift, rounding));
        out[i] = rr_saturate16(rr_scale(code, state_multiplier, state_shift, rounding));
    }
    return RR_OK;
}

int32_t rr_multiply(const int8_t *a, const int8_t *b, int32_t n, int32_t multiplier, int32_t shift,
                    int32_t rounding, int32_t output_offset, int8_t *out)
{
    if (!rr_valid(n, multiplier, shift, rounding)) return RR_REFUSED;
    const rr_rescaler p = rr_rescaler_of(multiplier, shift, rounding, output_offset, 8);
    int32_t products[RR_AT_ONCE];
    for (int32_t start = 0; start < n; start += RR_AT_ONCE) {
        const int32_t count = n - start < RR_AT_ONCE ? n - start : RR_AT_ONCE;
        for (int32_t i = 0; i < count; i++) products[i] = (int32_t)a[start + i] * b[start + i];
        rr_rescale_run(&p, products, count, out + start, 1);
    }
    return RR_OK;
}

int32_t rr_silu(const int8_t *a, const int8_t *table, int32_t n, int8_t *out)
{
    if (n < 1) return RR_REFUSED;
    for (int32_t i = 0; i < n; i++) out[i] = table[a[i] + 128];
    return RR_OK;
}

int32_t rr_add_s32(const int32_t *a, const int32_t *b, int32_t n, int32_t *out)
{
    if (n < 1) return RR_REFUSED;
    for (int32_t i = 0; i < n; i++) out[i] = rr_wrap32((uint32_t)a[i] + (uint32_t)b[i]);
    return RR_OK;
}

int32_t rr_add_s16(const int16_t *a, const int32_t *b, int32_t n, int32_t *out)
{
    if (n < 1) return RR_REFUSED;
    for (int32_t i = 0; i < n; i++) out[i] = rr_wrap32((uint32_t)a[i] + (uint32_t)b[i]);
    return RR_OK;
}

int32_t rr_argmax(const int32_t *logits, int32_t rows, int32_t cols, int32_t *out)
{
    if (rows < 1 || cols < 1) return RR_REFUSED;
    for (int32_t r = 0; r < rows; r++, logits += cols) {
        int32_t best = 0;
        for (int32_t c = 1; c < cols; c++)
            if (logits[c] > logits[best]) best = c;
        out[r] = best;
    }
    return RR_OK;
}
