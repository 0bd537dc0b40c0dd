/* Inside of the recursion, shared by rr_block.c and rr_run.c. */
#ifndef RR_BLOCK_H
#define RR_BLOCK_H

#include "rr_dot.h"
#include "rr_fixed.h"
#include "rr_run.h"

void *rr_alloc(rr_arena *arena, int32_t bytes);

/* Output of a linear for `rows` rows of activations, allocated in the arena; `a` may be overwritten. */
void *rr_apply(const rr_linear_leaf *leaf, void *a, int32_t rows, rr_arena *arena);

/* `count` activations of `reader`: int8, or int32 for a block linear. */
void *rr_alloc_activations(const rr_linear_leaf *reader, int32_t count, rr_arena *arena);

/* Rescale (or keep) x[0 .. n) into activations from index `at` on. */
void rr_put_activations(const rr_rescale_leaf *p, const rr_linear_leaf *reader, int32_t rounding, const int32_t *x,
                        int32_t n, void *activations, int32_t at);

/* q of z_H: halt and continue, in the arena above its mark. */
const int32_t *rr_read_q(const rr_model *m, const int16_t *z_H, rr_arena *arena);

/* Logits, q and answer of one ACT step, handed to the observer. */
void rr_read_out(const rr_model *m, const int16_t *z_H, int32_t step, rr_arena *arena, const rr_observer *o,
                 int32_t *answer);

#endif
