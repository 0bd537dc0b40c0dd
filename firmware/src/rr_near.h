/* rr_requantize_down in one product, by SMMLAR. */
#ifndef RR_NEAR_H
#define RR_NEAR_H

#include "rr_fixed.h"

#if defined(RR_KERNEL_DSP)

/* Whether |acc| < 2^30: twice it keeps to 32 bits. */
static inline int rr_is_near(int32_t acc)
{
    return acc >= -0x3FFFFFFF && acc <= 0x3FFFFFFF;
}

/* rr_requantize_down of a near acc.  The high multiply is the upper word of 2 acc's product; half of the result's unit, and
 * below zero 1 less, is what SMMLAR adds to it.  Whether it is below zero may be taken from acc: where its product rounds
 * to 0 the result is 0 with either. */
static inline int32_t rr_near(int32_t acc, int32_t multiplier, int32_t exponent)
{
    int32_t y;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(y) : "r"(acc * 2), "r"(multiplier), "r"((1 << (exponent - 1)) + (acc >> 31)));
    return y >> exponent;
}

/* The same as an int8 code. */
static inline int8_t rr_code_near(int32_t acc, int32_t multiplier, int32_t exponent)
{
    int32_t y;
    __asm__("ssat %0, #8, %1" : "=r"(y) : "r"(rr_near(acc, multiplier, exponent)));
    return (int8_t)y;
}

#endif

#endif
