/* Portable kernel. */
#include "rr_dot.h"
#include "rr_fixed.h"

#if !defined(RR_KERNEL_DSP) && !defined(RR_KERNEL_MVE)

int32_t rr_dot(const int8_t *a, const rr_staged *w, int32_t k)
{
    int32_t acc = 0;
    for (int32_t i = 0; i < k; i++) acc += a[i] * w[i];
    return acc;
}

void rr_dot2(const int8_t *a, const rr_staged *w0, const rr_staged *w1, int32_t k, int32_t acc[2])
{
    int32_t acc0 = 0, acc1 = 0;
    for (int32_t i = 0; i < k; i++) {
        acc0 += a[i] * w0[i];
        acc1 += a[i] * w1[i];
    }
    acc[0] = acc0;
    acc[1] = acc1;
}

#endif
