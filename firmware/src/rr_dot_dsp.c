/* SMLAD kernel: four activations by two weight rows in 4 multiply-accumulates of two products each.
 * SXTB16 spreads bytes 0 and 2, then 1 and 3, of a word; the staged weights stand in that order. */
#include "rr_dot.h"

#if defined(RR_KERNEL_DSP)

#include <arm_acle.h>
#include <string.h>

static inline int16x2_t rr_word(const void *p)
{
    int16x2_t x;
    memcpy(&x, p, 4);
    return x;
}

/* The up to three codes after the last full word. */
static inline int32_t rr_tail(const int8_t *a, const rr_staged *w, int32_t done, int32_t k)
{
    int32_t acc = 0;
    for (int32_t i = done; i < k; i++) acc += a[i] * w[RR_STAGED_AT(i)];
    return acc;
}

int32_t rr_dot(const int8_t *a, const rr_staged *w, int32_t k)
{
    int32_t acc = 0, i = 0;
    for (; i + 4 <= k; i += 4) {
        const uint32_t bytes = (uint32_t)rr_word(a + i);
        acc = __smlad(__sxtb16((int8x4_t)bytes), rr_word(w + i), acc);
        acc = __smlad(__sxtb16((int8x4_t)(bytes >> 8 | bytes << 24)), rr_word(w + i + 2), acc);
    }
    return acc + rr_tail(a, w, i, k);
}

void rr_dot2(const int8_t *a, const rr_staged *w0, const rr_staged *w1, int32_t k, int32_t acc[2])
{
    int32_t acc0 = 0, acc1 = 0, i = 0;
    for (; i + 4 <= k; i += 4) {
        const uint32_t bytes = (uint32_t)rr_word(a + i);
        const int16x2_t even = __sxtb16((int8x4_t)bytes), odd = __sxtb16((int8x4_t)(bytes >> 8 | bytes << 24));
        acc0 = __smlad(even, rr_word(w0 + i), acc0);
        acc1 = __smlad(even, rr_word(w1 + i), acc1);
        acc0 = __smlad(odd, rr_word(w0 + i + 2), acc0);
        acc1 = __smlad(odd, rr_word(w1 + i + 2), acc1);
    }
    acc[0] = acc0 + rr_tail(a, w0, i, k);
    acc[1] = acc1 + rr_tail(a, w1, i, k);
}

#endif
