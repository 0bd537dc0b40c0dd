/* Stock CMSIS-NN behind the names of rr_abi.h, so that the golden vectors can be run against it.
 *
 *   python firmware/cmsis_nn/build.py CMSIS-NN libcmsis_nn.so
 *   python -m refimpl certify firmware/cmsis_nn/port.toml
 *
 * The default build rounds twice; with -DCMSIS_NN_USE_SINGLE_ROUNDING for all files it rounds once. What
 * CMSIS-NN does not have (other output types, the other rounding, offsets beyond int8) is answered with status 2:
 * skipped.
 * Refusals are checked here, because CMSIS-NN leaves them to the caller. A Helium build needs the sums of the
 * weights' rows beside the weights: they are made here, up to ADAPTER_ROWS of them; without them nothing is served. */
#include "arm_nnfunctions.h"
#include "arm_nnsupportfunctions.h"
#include "rr_abi.h"

enum { DONE = 0, REFUSED = 1, NOT_SERVED = 2 };
#ifdef CMSIS_NN_USE_SINGLE_ROUNDING
enum { ROUNDING = 1 };
#else
enum { ROUNDING = 0 };
#endif

#ifndef ADAPTER_ROWS
#define ADAPTER_ROWS 4096
#endif

#if defined(ARM_MATH_MVEI)
static int32_t sums[ADAPTER_ROWS];

/* The scratch of a kernel that reads n rows of k codes: their sums (offsets are 0), with the bias. */
static cmsis_nn_context scratch_of(const int8_t *codes, const int32_t *bias, int32_t n, int32_t k)
{
    const cmsis_nn_context none = {0, 0}, some = {sums, sizeof sums};
    if (n > ADAPTER_ROWS) return none;
    for (int32_t row = 0; row < n; row++) sums[row] = bias ? bias[row] : 0;
    (void)codes, (void)k; /* the sums count for input offsets, which are 0 here */
    return some;
}
#else
static cmsis_nn_context scratch_of(const int8_t *codes, const int32_t *bias, int32_t n, int32_t k)
{
    const cmsis_nn_context none = {0, 0};
    (void)codes, (void)bias, (void)n, (void)k;
    return none;
}
#endif

static int scale_valid(int32_t multiplier, int32_t shift)
{
    return (multiplier == 0 || multiplier >= 0x40000000) && shift >= -31 && shift <= 30;
}

/* Status of a request as far as format and scales decide it. */
static int32_t served(int32_t rounding, int32_t out_bits, int32_t offset, const int32_t *multiplier, const int32_t *shift,
                      int32_t n)
{
    if (rounding < 0 || rounding > 1) return REFUSED;
    if (out_bits != 4 && out_bits != 8 && out_bits != 16 && out_bits != 32) return REFUSED;
    for (int32_t i = 0; i < n; i++)
        if (!scale_valid(multiplier[i], shift[i])) return REFUSED;
    return rounding == ROUNDING && out_bits == 8 && offset >= -128 && offset <= 127 ? DONE : NOT_SERVED;
}

int32_t rr_linear_s8(const int8_t *a, const int8_t *codes, const int32_t *bias, const int32_t *multiplier,
                     const int32_t *shift, int32_t rows, int32_t n, int32_t k, int32_t rounding,
                     int32_t output_offset, int32_t out_bits, void *out)
{
    if (rows < 1 || n < 1 || k < 1) return REFUSED;
    const int32_t status = served(rounding, out_bits, output_offset, multiplier, shift, n);
    if (status != DONE) return status;
    const cmsis_nn_context scratch = scratch_of(codes, bias, n, k);
    const cmsis_nn_fc_params params = {
        .input_offset = 0, .filter_offset = 0, .output_offset = output_offset, .activation = {-128, 127}};
    const cmsis_nn_per_channel_quant_params quant = {(int32_t *)multiplier, (int32_t *)shift};
    const cmsis_nn_dims in = {rows, 1, 1, k}, filter = {k, 1, 1, n}, bias_dims = {1, 1, 1, n}, y = {rows, 1, 1, n};
    return arm_fully_connected_per_channel_s8(&scratch, &params, &quant, &in, a, &filter, codes, &bias_dims, bias, &y,
                                              out) == ARM_CMSIS_NN_SUCCESS ? DONE : NOT_SERVED;
}

/* There is no per-channel fully connected kernel for int4; a 1x1 convolution over `rows` pixels is one. */
int32_t rr_linear_s4(const int8_t *a, const uint8_t *codes, const int32_t *bias, const int32_t *multiplier,
                     const int32_t *shift, int32_t rows, int32_t n, int32_t k, int32_t rounding,
                     int32_t output_offset, int32_t out_bits, void *out)
{
    if (rows < 1 || n < 1 || k < 1) return REFUSED;
    const int32_t status = served(rounding, out_bits, output_offset, multiplier, shift, n);
    if (status != DONE) return status;
    const cmsis_nn_context none = {0, 0};
    const cmsis_nn_conv_params params = {
        .input_offset = 0, .output_offset = output_offset, .stride = {1, 1}, .padding = {0, 0}, .dilation = {1, 1},
        .activation = {-128, 127}};
    const cmsis_nn_per_channel_quant_params quant = {(int32_t *)multiplier, (int32_t *)shift};
    const cmsis_nn_dims in = {1, 1, rows, k}, filter = {n, 1, 1, k}, bias_dims = {1, 1, 1, n}, y = {1, 1, rows, n};
    return arm_convolve_1x1_s4_fast(&none, &params, &quant, &in, a, &filter, (const int8_t *)codes, &bias_dims, bias,
                                    &y, out) == ARM_CMSIS_NN_SUCCESS ? DONE : NOT_SERVED;
}

int32_t rr_multiply(const int8_t *a, const int8_t *b, int32_t n, int32_t multiplier, int32_t shift,
                    int32_t rounding, int32_t output_offset, int8_t *out)
{
    if (n < 1) return REFUSED;
    const int32_t status = served(rounding, 8, output_offset, &multiplier, &shift, 1);
    if (status != DONE) return status;
    return arm_elementwise_mul_s8(a, b, 0, 0, out, output_offset, multiplier, shift, -128, 127, n) ==
           ARM_CMSIS_NN_SUCCESS ? DONE : NOT_SERVED;
}

int32_t rr_softmax_s8_s16(const int8_t *a, int32_t rows, int32_t cols, int32_t multiplier, int32_t shift,
                          int32_t diff_min, int16_t *out)
{
    if (rows < 1 || cols < 1 || cols > 4095 || multiplier < 0x40000000 || shift < 0 || shift > 31 || diff_min > 0)
        return REFUSED;
    arm_softmax_s8_s16(a, rows, cols, multiplier, shift, diff_min, out);
    return DONE;
}

/* Scores: k as the weights of one call a head, one scale for all. */
int32_t rr_scores(const int8_t *q, const int8_t *k, int32_t heads, int32_t t, int32_t d, int32_t multiplier,
                  int32_t shift, int32_t rounding, int32_t output_offset, int8_t *out)
{
    if (heads < 1 || t < 1 || d < 1) return REFUSED;
    const int32_t status = served(rounding, 8, output_offset, &multiplier, &shift, 1);
    if (status != DONE) return status;
    const cmsis_nn_fc_params params = {
        .input_offset = 0, .filter_offset = 0, .output_offset = output_offset, .activation = {-128, 127}};
    const cmsis_nn_per_tensor_quant_params quant = {multiplier, shift};
    const cmsis_nn_dims in = {t, 1, 1, d}, filter = {d, 1, 1, t}, none = {1, 1, 1, t}, y = {t, 1, 1, t};
    for (int32_t head = 0; head < heads; head++) {
        const cmsis_nn_context scratch = scratch_of(k + head * t * d, 0, t, d);
        if (arm_fully_connected_s8(&scratch, &params, &quant, &in, q + head * t * d, &filter, k + head * t * d, &none, 0,
                                   &y, out + head * t * t) != ARM_CMSIS_NN_SUCCESS)
            return NOT_SERVED;
    }
    return DONE;
}

/* The fixed-point rules as its kernels use them. */
int32_t rr_rounding_shift(const int32_t *x, const int32_t *exponent, int32_t n, int32_t *out)
{
    if (n < 1) return REFUSED;
    for (int32_t i = 0; i < n; i++)
        if (exponent[i] < 0 || exponent[i] > 31) return REFUSED;
    for (int32_t i = 0; i < n; i++) out[i] = arm_nn_divide_by_power_of_two(x[i], exponent[i]);
    return DONE;
}

int32_t rr_high_multiply(const int32_t *a, const int32_t *b, int32_t n, int32_t *out)
{
    if (n < 1) return REFUSED;
    for (int32_t i = 0; i < n; i++)
        if (a[i] == INT32_MIN && b[i] == INT32_MIN) return REFUSED;
    for (int32_t i = 0; i < n; i++) out[i] = arm_nn_doubling_high_mult_no_sat(a[i], b[i]);
    return DONE;
}

int32_t rr_requantize(const int32_t *acc, const int32_t *multiplier, const int32_t *shift, int32_t n, int32_t rounding,
                      int32_t *out)
{
    if (n < 1) return REFUSED;
    const int32_t status = served(rounding, 8, 0, multiplier, shift, n);
    if (status != DONE) return status;
    for (int32_t i = 0; i < n; i++) out[i] = arm_nn_requantize(acc[i], multiplier[i], shift[i]);
    return DONE;
}

int32_t rr_exp_on_negative(const int32_t *x, int32_t n, int32_t *out)
{
    if (n < 1) return REFUSED;
    for (int32_t i = 0; i < n; i++)
        if (x[i] > 0) return REFUSED;
    for (int32_t i = 0; i < n; i++) out[i] = arm_nn_exp_on_negative_values(x[i]);
    return DONE;
}

int32_t rr_one_over_one_plus(const int32_t *x, int32_t n, int32_t *out)
{
    if (n < 1) return REFUSED;
    for (int32_t i = 0; i < n; i++)
        if (x[i] < 0) return REFUSED;
    for (int32_t i = 0; i < n; i++) out[i] = arm_nn_one_over_one_plus_x_for_x_in_0_1(x[i]);
    return DONE;
}
