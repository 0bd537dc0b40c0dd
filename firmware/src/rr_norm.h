/* What normalises one row: y = (h * factor + 2^(exponent - 1)) >> exponent, saturated to int16. */
#ifndef RR_NORM_H
#define RR_NORM_H

#include <stdint.h>

enum { RR_MAX_NORM_SIZE = 1023 }; /* values of a row that stays in Q5.10 */

typedef struct {
    int64_t factor;
    int32_t exponent;
} rr_norm_scale;

/* Of a row of 1 .. RR_MAX_NORM_SIZE values; gain and eps are the norm's constants. */
rr_norm_scale rr_norm_scale_of(const int32_t *h, int32_t size, int32_t gain, int32_t eps);

/* n values of that row; out has out_bits of 16 or 32 and gets one every `step` places. */
void rr_norm_run(const rr_norm_scale *p, const int32_t *h, int32_t n, void *out, int32_t out_bits, int32_t step);

#endif
