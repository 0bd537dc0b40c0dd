/* The inner kernel of a linear layer: one or two weight rows against one row of activations.
 *
 * A weight row is first *staged* in RAM (rr_stage_s8, rr_stage_s4): external flash is read exactly once
 * per call whatever the number of tokens, and the kernel may choose its own layout.
 *
 *   RR_KERNEL_PLAIN  portable C99 (the default)
 *   RR_KERNEL_DSP    SMLAD: Armv7E-M and Armv8-M with the DSP extension
 *   RR_KERNEL_MVE    Helium: vmladava on 16 lanes
 */
#ifndef RR_DOT_H
#define RR_DOT_H

#include <stdint.h>

#ifndef RR_MAX_K
#define RR_MAX_K 2560 /* longest row of any published model */
#endif

#if defined(RR_KERNEL_DSP)
typedef int16_t rr_staged; /* groups of four in the order SXTB16 leaves bytes: 0, 2, 1, 3 */
#define RR_STAGED_AT(i) (((i) & ~3) | (((i) & 1) << 1) | (((i) & 2) >> 1))
#else
typedef int8_t rr_staged;
#define RR_STAGED_AT(i) (i)
#endif

/* Packed int4 weights being read: with an odd k every other row starts in the middle of a byte. */
typedef struct {
    const uint8_t *next;
    uint32_t held; /* the byte whose high nibble is still to come */
    int half;
} rr_nibbles;

/* Copy the next k codes into RAM and advance; every byte is read once. */
void rr_stage_s8(const int8_t **codes, int32_t k, rr_staged *staged);
void rr_stage_s4(rr_nibbles *codes, int32_t k, rr_staged *staged);

/* sum of a[i] * w[i], and the same for two rows at once */
int32_t rr_dot(const int8_t *a, const rr_staged *w, int32_t k);
void rr_dot2(const int8_t *a, const rr_staged *w0, const rr_staged *w1, int32_t k, int32_t acc[2]);

#endif
