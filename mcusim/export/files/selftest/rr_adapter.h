/* Operators of the vectors (rr_abi.h) by the kernels that the plan calls; rr_adapter.c. */
#ifndef RR_ADAPTER_H
#define RR_ADAPTER_H

#include <stdint.h>

/* Remembers the first operator with failures; returns them. */
int32_t rr_note(const char *operator, int32_t failures);
/* Its name, or NULL. */
const char *rr_first_failing(void);

int32_t rr_test_linear_s8(const int8_t *a, const int8_t *codes, const int32_t *bias, const int32_t *multiplier,
                          const int32_t *shift, int32_t rows, int32_t n, int32_t k, int32_t rounding,
                          int32_t output_offset, int32_t out_bits, void *out);
int32_t rr_test_linear_s4(const int8_t *a, const uint8_t *codes, const int32_t *bias, const int32_t *multiplier,
                          const int32_t *shift, int32_t rows, int32_t n, int32_t k, int32_t rounding,
                          int32_t output_offset, int32_t out_bits, void *out);
int32_t rr_test_quantize_s16(const int16_t *h, int32_t n, int32_t multiplier, int32_t shift, int32_t rounding,
                             int32_t output_offset, int8_t *out);
int32_t rr_test_quantize_s32(const int32_t *h, int32_t n, int32_t multiplier, int32_t shift, int32_t rounding,
                             int32_t output_offset, int8_t *out);
int32_t rr_test_int8_carry(const int16_t *h, int32_t n, int32_t code_multiplier, int32_t code_shift,
                           int32_t state_multiplier, int32_t state_shift, int32_t rounding, int16_t *out);
int32_t rr_test_multiply(const int8_t *a, const int8_t *b, int32_t n, int32_t multiplier, int32_t shift,
                         int32_t rounding, int32_t output_offset, int8_t *out);
int32_t rr_test_silu(const int8_t *a, const int8_t *table, int32_t n, int8_t *out);
int32_t rr_test_add_s16(const int16_t *a, const int32_t *b, int32_t n, int32_t *out);
int32_t rr_test_add_s32(const int32_t *a, const int32_t *b, int32_t n, int32_t *out);
int32_t rr_test_rms_norm(const int32_t *h, int32_t rows, int32_t size, int32_t gain, int32_t eps, int16_t *out);
int32_t rr_test_argmax(const int32_t *logits, int32_t rows, int32_t cols, int32_t *out);
int32_t rr_test_rope(const int8_t *a, const int16_t *cos, const int16_t *sin, int32_t heads, int32_t t, int32_t d,
                     int32_t half, int8_t *out);

#endif
