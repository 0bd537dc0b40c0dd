/* What normalises one row: y = (h * factor + half) >> exponent, saturated. */
#ifndef RR_NORM_H
#define RR_NORM_H

#include <stdint.h>

#include "rr_fixed.h"

typedef struct {
    int64_t factor, half;
    int32_t exponent;
    int32_t narrow; /* factor fits 32 bits and exponent is 32 or more: one 32-bit product, its upper word shifted */
} rr_norm_scale;

/* Of a row of 1 .. 1,023 values; gain and eps are the norm's constants. */
rr_norm_scale rr_norm_scale_of(const int32_t *h, int32_t size, int32_t gain, int32_t eps);

static inline int16_t rr_normed(const rr_norm_scale *p, int32_t h)
{
    if (p->narrow) {
        const int32_t y = (int32_t)(((int64_t)h * (int32_t)p->factor + p->half) >> 32) >> (p->exponent - 32);
        return (int16_t)(y < -32768 ? -32768 : y > 32767 ? 32767 : y);
    }
    return rr_saturate16((h * p->factor + p->half) >> p->exponent);
}

#endif
