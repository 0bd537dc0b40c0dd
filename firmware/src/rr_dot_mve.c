/* Helium kernel: 16 products an instruction, the tail predicated. */
#include "rr_dot.h"

#if defined(RR_KERNEL_MVE)

#include <arm_mve.h>

int32_t rr_dot(const int8_t *a, const rr_staged *w, int32_t k)
{
    int32_t acc = 0;
    for (; k > 0; k -= 16, a += 16, w += 16) {
        const mve_pred16_t live = vctp8q((uint32_t)k);
        acc = vmladavaq_p_s8(acc, vldrbq_z_s8(a, live), vldrbq_z_s8(w, live), live);
    }
    return acc;
}

void rr_dot2(const int8_t *a, const rr_staged *w0, const rr_staged *w1, int32_t k, int32_t acc[2])
{
    int32_t acc0 = 0, acc1 = 0;
    for (; k > 0; k -= 16, a += 16, w0 += 16, w1 += 16) {
        const mve_pred16_t live = vctp8q((uint32_t)k);
        const int8x16_t x = vldrbq_z_s8(a, live);
        acc0 = vmladavaq_p_s8(acc0, x, vldrbq_z_s8(w0, live), live);
        acc1 = vmladavaq_p_s8(acc1, x, vldrbq_z_s8(w1, live), live);
    }
    acc[0] = acc0;
    acc[1] = acc1;
}

#endif
