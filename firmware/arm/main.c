/* On an emulated Cortex-M: all op vectors, then one traced puzzle whose image stands in external flash. */
#include "rr_trace_check.h"
#include "semihosting.h"

#ifdef RR_WITH_VECTORS
int32_t rr_run_vectors(void (*put)(const char *text));
#endif

#ifndef RR_STEPS
#define RR_STEPS 0 /* all ACT steps */
#endif

extern const uint8_t rr_flash_image[];

enum { ARENA_BYTES = 192 * 1024 };

static union {
    uint8_t bytes[ARENA_BYTES];
    int64_t align;
} memory;

int main(void)
{
    rr_arena arena = {memory.bytes, ARENA_BYTES, 0, 0};
    int32_t failures = 0, checked = 0;
#ifdef RR_WITH_VECTORS
    failures += rr_run_vectors(sh_write);
#endif
    for (uint32_t i = 0; i < sizeof rr_traces / sizeof rr_traces[0]; i++) {
        if (rr_traces[i].image_crc32 != rr_crc32(rr_flash_image, rr_traces[i].image_bytes)) continue;
        if (RR_STEPS && rr_traces[i].stop[0]) continue;
        failures += rr_check_trace(&rr_traces[i], rr_flash_image, &arena, RR_STEPS, sh_write) != 0;
        checked++;
        if (RR_STEPS) break; /* a run cut short is one whose work is counted: one trace, and no look at others */
    }
    if (!checked) sh_write("the image in flash belongs to no trace\n");
    return failures || !checked;
}
