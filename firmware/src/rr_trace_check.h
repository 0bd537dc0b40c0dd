/* Hold runs of the recursion to the golden traces and name the first difference. */
#ifndef RR_TRACE_CHECK_H
#define RR_TRACE_CHECK_H

#include "rr_run.h"
#include "rr_traces.h"

typedef void (*rr_put)(const char *text);

/* Solve the traced puzzle from `image`; `steps` 0 for all ACT steps. Returns the number of CRCs that differ,
 * or -1 when the image or the arena is not right; prints a line either way. */
int32_t rr_check_trace(const rr_trace *trace, const void *image, rr_arena *arena, int32_t steps, rr_put put);

/* 10,000 calls of one block with outputs fed back. */
int32_t rr_check_monte_carlo(const rr_monte_carlo *trace, const void *image, uint32_t bytes, rr_arena *arena,
                             rr_put put);

#endif
