/* Requantization of many sums with one multiplier: the end of every product, and the operators that are one. */
#ifndef RR_RESCALE_H
#define RR_RESCALE_H

#include <stdint.h>

/* clamp(requantize(x + bias) + offset); `low` and `high` clamp before the offset, so that 32 bits suffice. */
typedef struct {
    int32_t multiplier, shift, rounding, bias, offset, low, high, out_bits;
} rr_rescaler;

rr_rescaler rr_rescaler_of(int32_t multiplier, int32_t shift, int32_t rounding, int32_t offset, int32_t out_bits);
/* Element i of `out`, at i * step elements of out_bits each, from sums[i]; bias added with wrap-around. */
void rr_rescale_run(const rr_rescaler *p, const int32_t *sums, int32_t n, void *out, int32_t step);

#endif
