/* Stock CMSIS-NN behind the names of rr_abi.h, so that the golden vectors can be run against it.
 *
 *   gcc -shared -fPIC -o libcmsis_nn.so adapter.c -I../../golden/c -ICMSIS-NN/Include CMSIS-NN/Source/[A-Z]*Functions/*.c
 *   python -m refimpl vectors check --library libcmsis_nn.so
 *
 * The default build rounds twice; with -DCMSIS_NN_USE_SINGLE_ROUNDING for all files it rounds once. What
 * CMSIS-NN does not have (other output types, the other rounding) is answered with status 2: skipped.
 * Refusals are checked here, because CMSIS-NN leaves them to the caller. Portable C and DSP builds need no
 * scratch for these functions; a Helium build does (arm_*_get_buffer_size, arm_vector_sum_s8). */
#include "arm_nnfunctions.h"
#include "rr_abi.h"

enum { DONE = 0, REFUSED = 1, NOT_SERVED = 2 };
#ifdef CMSIS_NN_USE_SINGLE_ROUNDING
enum { ROUNDING = 1 };
#else
enum { ROUNDING = 0 };
#endif

static int scale_valid(int32_t multiplier, int32_t shift)
{
    return (multiplier == 0 || multiplier >= 0x40000000) && shift >= -31 && shift <= 30;
}

/* Status of a request as far as format and scales decide it. */
static int32_t served(int32_t rounding, int32_t out_bits, const int32_t *multiplier, const int32_t *shift, int32_t n)
{
    if (rounding < 0 || rounding > 1) return REFUSED;
    if (out_bits != 4 && out_bits != 8 && out_bits != 16 && out_bits != 32) return REFUSED;
    for (int32_t i = 0; i < n; i++)
        if (!scale_valid(multiplier[i], shift[i])) return REFUSED;
    return rounding == ROUNDING && out_bits == 8 ? DONE : NOT_SERVED;
}

int32_t rr_linear_s8(const int8_t *a, const int8_t *codes, const int32_t *bias, const int32_t *multiplier,
                     const int32_t *shift, int32_t rows, int32_t n, int32_t k, int32_t rounding,
                     int32_t output_offset, int32_t out_bits, void *out)
{
    if (rows < 1 || n < 1 || k < 1) return REFUSED;
    const int32_t status = served(rounding, out_bits, multiplier, shift, n);
    if (status != DONE) return status;
    const cmsis_nn_context none = {0, 0};
    const cmsis_nn_fc_params params = {
        .input_offset = 0, .filter_offset = 0, .output_offset = output_offset, .activation = {-128, 127}};
    const cmsis_nn_per_channel_quant_params quant = {(int32_t *)multiplier, (int32_t *)shift};
    const cmsis_nn_dims in = {rows, 1, 1, k}, filter = {k, 1, 1, n}, bias_dims = {1, 1, 1, n}, y = {rows, 1, 1, n};
    return arm_fully_connected_per_channel_s8(&none, &params, &quant, &in, a, &filter, codes, &bias_dims, bias, &y,
                                              out) == ARM_CMSIS_NN_SUCCESS ? DONE : NOT_SERVED;
}

/* There is no per-channel fully connected kernel for int4; a 1x1 convolution over `rows` pixels is one. */
int32_t rr_linear_s4(const int8_t *a, const uint8_t *codes, const int32_t *bias, const int32_t *multiplier,
                     const int32_t *shift, int32_t rows, int32_t n, int32_t k, int32_t rounding,
                     int32_t output_offset, int32_t out_bits, void *out)
{
    if (rows < 1 || n < 1 || k < 1) return REFUSED;
    const int32_t status = served(rounding, out_bits, multiplier, shift, n);
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
    const int32_t status = served(rounding, 8, &multiplier, &shift, 1);
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
