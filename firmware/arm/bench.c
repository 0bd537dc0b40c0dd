/* Linear layers of a size given by RR_BENCH_K, alone: what one kernel costs, for the counting plugin. */
#include "rr_jobs.h"
#include "semihosting.h"

#ifndef RR_BENCH_K
#define RR_BENCH_K 512
#endif

enum { ROWS = 64, OUTPUTS = 64 };

static int8_t activations[ROWS * RR_BENCH_K], codes[OUTPUTS * RR_BENCH_K], shifts[OUTPUTS], out[ROWS * OUTPUTS];
static int32_t multipliers[OUTPUTS];

/* A name that the plugin knows as the start of a phase. */
void rr_stack_run(const rr_linear_job *job);

__attribute__((noinline)) void rr_stack_run(const rr_linear_job *job)
{
    rr_linear(job);
}

int main(void)
{
    uint32_t state = 1;
    for (int32_t i = 0; i < ROWS * RR_BENCH_K; i++) activations[i] = (int8_t)((state = state * 1664525u + 1013904223u) >> 24);
    for (int32_t i = 0; i < OUTPUTS * RR_BENCH_K; i++) codes[i] = (int8_t)((state = state * 1664525u + 1013904223u) >> 24);
    for (int32_t i = 0; i < OUTPUTS; i++) {
        multipliers[i] = 0x40000000 + (int32_t)(state >> 4);
        shifts[i] = -9;
    }
    rr_linear_job job = {activations, 0, (const uint8_t *)codes, 0, multipliers, 0, shifts, ROWS, OUTPUTS, RR_BENCH_K, 0, 0, 8, out};
    if (RR_BENCH_BITS == 8) {
        job.codes8 = codes;
        job.codes4 = 0;
    }
    rr_stack_run(&job);
    sh_write("done\n");
    return 0;
}
