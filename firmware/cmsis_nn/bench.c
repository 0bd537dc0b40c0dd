/* One kernel of CMSIS-NN, alone: what it costs at a shape of one's choice, for the counting plugin.
 *   NN_BENCH_KERNEL 8 or 4: the 1x1 convolution with weights of so many bits; 1: fully connected, 8 bits
 *   NN_BENCH_K inputs, NN_BENCH_N outputs, NN_BENCH_TOKENS rows of activations */
#include "arm_nnfunctions.h"
#include "semihosting.h"

enum { K = NN_BENCH_K, N = NN_BENCH_N, TOKENS = NN_BENCH_TOKENS };

/* Weights lie in the region that stands for external flash.  Vectors may read past the last row. */
static int8_t codes[N * K + 64] __attribute__((section(".external_flash")));
static int8_t activations[TOKENS * K + 64], out[TOKENS * N];
static int32_t multipliers[N], shifts[N], bias[N];
static int32_t scratch[N]; /* Helium's sums of the weights */

/* A name that the plugin knows as the start of a phase. */
int rr_stack_run(void);

__attribute__((noinline)) int rr_stack_run(void)
{
    const cmsis_nn_context context = {scratch, sizeof scratch};
    const cmsis_nn_dims input = {1, 1, TOKENS, K}, filter = {N, 1, 1, K}, biases = {1, 1, 1, N}, output = {1, 1, TOKENS, N};
#if NN_BENCH_KERNEL == 1
    const cmsis_nn_dims rows = {TOKENS, 1, 1, K}, filter_fc = {K, 1, 1, N}, results = {TOKENS, 1, 1, N};
    const cmsis_nn_fc_params fc = {0, 0, 0, {-128, 127}};
    const cmsis_nn_per_tensor_quant_params quant = {multipliers[0], shifts[0]};
    (void)input, (void)filter, (void)output;
    return arm_fully_connected_s8(&context, &fc, &quant, &rows, activations, &filter_fc, codes, &biases, bias, &results, out);
#else
    const cmsis_nn_conv_params conv = {0, 0, {1, 1}, {0, 0}, {1, 1}, {-128, 127}};
    const cmsis_nn_per_channel_quant_params quant = {multipliers, shifts};
#if NN_BENCH_KERNEL == 8
    return arm_convolve_1x1_s8_fast(&context, &conv, &quant, &input, activations, &filter, codes, &biases, bias, &output, out);
#else
    return arm_convolve_1x1_s4_fast(&context, &conv, &quant, &input, activations, &filter, codes, &biases, bias, &output, out);
#endif
#endif
}

int main(void)
{
    uint32_t state = 1;
    for (int32_t i = 0; i < TOKENS * K; i++) activations[i] = (int8_t)((state = state * 1664525u + 1013904223u) >> 24);
    for (int32_t i = 0; i < N * K; i++) codes[i] = (int8_t)((state = state * 1664525u + 1013904223u) >> 24);
    for (int32_t i = 0; i < N; i++) {
        state = state * 1664525u + 1013904223u;
        multipliers[i] = 0x40000000 + (int32_t)(state >> 4);
        shifts[i] = -9;
    }
    const int refused = rr_stack_run();
    sh_write(refused ? "refused\n" : "done\n");
    return refused;
}
