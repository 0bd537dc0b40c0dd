/* Fixed-point rules.  Twin of refimpl/fixedpoint.py; spec section 2. */
#ifndef RR_FIXED_H
#define RR_FIXED_H

#include <stdint.h>
#include <string.h>

/* Every right shift of a negative value below must be arithmetic. */
typedef char rr_arithmetic_shift_is_required[((-1) >> 1) == -1 ? 1 : -1];

/* Of a function that stays a call: a loop that seldom needs it keeps its registers, its text stands once. */
#if defined(__GNUC__)
#define RR_RARE __attribute__((noinline))
#else
#define RR_RARE
#endif

enum { RR_OK = 0, RR_REFUSED = 1 };
enum { RR_DOUBLE = 0, RR_SINGLE = 1 };

/* Four bytes from anywhere, in the machine's order; a freestanding compiler would call memcpy for them. */
static inline uint32_t rr_load_word(const void *from)
{
    uint32_t x;
#if defined(__GNUC__)
    __builtin_memcpy(&x, from, 4);
#else
    memcpy(&x, from, 4);
#endif
    return x;
}

/* The value an int32_t register holds after unsigned 32-bit arithmetic. */
static inline int32_t rr_wrap32(uint32_t x)
{
    return x <= (uint32_t)INT32_MAX ? (int32_t)x : (int32_t)(x - 0x80000000u) + INT32_MIN;
}

/* (a * b + 2^30) >> 31, ties up; not for a = b = INT32_MIN. */
static inline int32_t rr_mul_high(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

/* The same with INT32_MIN * INT32_MIN = INT32_MAX. */
static inline int32_t rr_mul_high_sat(int32_t a, int32_t b)
{
    return a == INT32_MIN && b == INT32_MIN ? INT32_MAX : rr_mul_high(a, b);
}

/* x / 2^exponent to nearest, ties away from zero; exponent 0..31. */
static inline int32_t rr_shift_round(int32_t x, int32_t exponent)
{
    const int32_t mask = (int32_t)(((uint32_t)1 << exponent) - 1u);
    const int32_t threshold = (mask >> 1) + (x < 0);
    return (x >> exponent) + ((x & mask) > threshold);
}

static inline int32_t rr_saturate(int64_t x, int64_t low, int64_t high)
{
    return (int32_t)(x < low ? low : x > high ? high : x);
}

/* rr_requantize_double with shift -exponent, exponent 1..31.  A product of 31 bits is no INT32_MIN, so that x - 1 exists:
 * below zero it turns ties up into ties away. */
static inline int32_t rr_requantize_down(int32_t acc, int32_t multiplier, int32_t exponent)
{
    const int32_t x = rr_mul_high(acc, multiplier);
    return (((x + (x >> 31)) >> (exponent - 1)) + 1) >> 1;
}

static inline int32_t rr_requantize_double(int32_t acc, int32_t multiplier, int32_t shift)
{
    const int32_t left = shift > 0 ? shift : 0;
    const int32_t right = shift > 0 ? 0 : -shift;
    return rr_shift_round(rr_mul_high(rr_wrap32((uint32_t)acc << left), multiplier), right);
}

/* acc * multiplier * 2^(shift - 31) for |acc| < 2^47, the multiplier cut to 15 bits, ties up. */
static inline int64_t rr_requantize_wide_one(int64_t acc, int64_t multiplier, int32_t shift)
{
    int64_t reduced = (multiplier + (1 << 15)) >> 16;
    if (reduced > 32767) reduced = 32767;
    const int32_t right = 14 - shift;
    if (right >= 0) return (((acc * reduced) >> (right > 62 ? 62 : right)) + 1) >> 1;
    const int32_t left = -right > 15 ? 15 : -right;
    return ((int64_t)rr_saturate(acc, INT32_MIN, INT32_MAX) * reduced * ((int64_t)1 << left) + 1) >> 1;
}

static inline int32_t rr_requantize_single(int32_t acc, int32_t multiplier, int32_t shift)
{
    const int64_t twice = ((int64_t)acc * multiplier) >> (30 - shift);
    return rr_saturate((twice + 1) >> 1, INT32_MIN, INT32_MAX);
}

static inline int32_t rr_scale(int32_t acc, int32_t multiplier, int32_t shift, int32_t rounding)
{
    return rounding == RR_DOUBLE ? rr_requantize_double(acc, multiplier, shift)
                                 : rr_requantize_single(acc, multiplier, shift);
}

static inline int8_t rr_saturate8(int64_t x)
{
    return (int8_t)rr_saturate(x, -128, 127);
}

static inline int16_t rr_saturate16(int64_t x)
{
    return (int16_t)rr_saturate(x, -32768, 32767);
}

/* A multiplier is 0 or in [2^30, 2^31); a shift lies in -31..30. */
static inline int rr_rescale_valid(int32_t multiplier, int32_t shift)
{
    return (multiplier == 0 || multiplier >= 0x40000000) && shift >= -31 && shift <= 30;
}

static inline int rr_rounding_valid(int32_t rounding)
{
    return rounding == RR_DOUBLE || rounding == RR_SINGLE;
}

/* Code i of nibbles stored low nibble first. */
static inline int8_t rr_nibble(const uint8_t *packed, int32_t i)
{
    const uint32_t byte = packed[i >> 1];
    const int32_t code = (int32_t)((i & 1) ? byte >> 4 : byte & 15u);
    return (int8_t)((code ^ 8) - 8);
}

/* 2^30 / sqrt(m / 2^31) for m in [2^29, 2^31). */
int64_t rr_root_of(int32_t m);

#endif
