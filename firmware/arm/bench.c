/* One product, alone: what a kernel costs at a shape of one's choice, for the counting plugin.
 *   RR_BENCH_BITS 4 or 8: a linear with weights of so many bits; 0: scores of one head; 16: its weighted values
 *   RR_BENCH_PARTIAL: the linear only adds its sums to others
 *   RR_BENCH_K inputs, RR_BENCH_N outputs, RR_BENCH_TOKENS rows of activations */
#include "rr_jobs.h"
#include "rr_tile.h"
#include "semihosting.h"

enum { K = RR_BENCH_K, N = RR_BENCH_N, TOKENS = RR_BENCH_TOKENS };

/* Weights lie in the region that stands for external flash, as those of an image do. */
static int8_t codes[N * K] __attribute__((section(".external_flash")));
static int8_t activations[TOKENS * K], shifts[N], out[TOKENS * N];
static int32_t multipliers[N];
static int16_t probabilities[RR_BENCH_BITS == 16 ? TOKENS * K : 1];

#if defined(RR_BENCH_PARTIAL)
const int32_t rr_rounding = 0;
static int32_t sums[TOKENS * N];
#endif

/* A name that the plugin knows as the start of a phase. */
void rr_stack_run(const rr_linear_job *job);

__attribute__((noinline)) void rr_stack_run(const rr_linear_job *job)
{
#if defined(RR_BENCH_PARTIAL)
    const rr_tile tile = {activations, K, TOKENS, K, job->codes, job->bits, N, 1, 0, 0, 0, 0, 32, RR_ADD, sums, N};
    rr_tile_linear(&tile);
    return;
#endif
    const rr_rescaler p = rr_rescaler_of(multipliers[0], shifts[0], 0, 0, 8);
    if (RR_BENCH_BITS == 0) rr_scores_rows(activations, K, TOKENS, codes, N, K, &p, out);
    else if (RR_BENCH_BITS == 16) rr_values_rows(probabilities, TOKENS, codes, K, N, &p, out, N);
    else rr_linear(job);
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
    rr_linear_job job = {activations, (const uint8_t *)codes, 4, 0, multipliers, 0, shifts, TOKENS, N, K, 0, 0, 8, out};
    if (RR_BENCH_BITS == 8) job.bits = 8;
    rr_stack_run(&job);
    sh_write("done\n");
    return 0;
}
