/* The recursion over a loaded model.  Twin of refimpl/models/recursion.py and blocks.py. */
#ifndef RR_RUN_H
#define RR_RUN_H

#include <stdint.h>

#include "rr_model.h"

/* A caller's memory, handed out from the bottom and taken back in reverse order. */
typedef struct {
    uint8_t *base;
    uint32_t bytes, used, peak;
} rr_arena;

/* z points at the state the call wrote, (positions, hidden) int16; level is 'L' or 'H'. */
typedef struct {
    void *context;
    void (*on_call)(void *context, int32_t index, int32_t step, char level, const int16_t *z);
    void (*on_step)(void *context, int32_t step, const int32_t *logits, const int32_t *q, const int32_t *answer);
} rr_observer;

/* How a run ended: ACT steps (without the cycles that follow a stop) and whether the stop rule ended it. */
typedef struct {
    int32_t steps, stopped;
} rr_ended;

/* The word of a stop rule after ACT step `step` (from 0): q of two values where it asks the head; change is
 * that of rr_change over `size` values where it asks the state. */
int32_t rr_stops(const rr_stop_rule *rule, int32_t family, int32_t step, const int32_t *q, const int64_t *change,
                 int32_t size);

/* Arena bytes that rr_solve needs for this model. */
uint32_t rr_arena_bytes(const rr_model *model);

/* Solve one puzzle in at most `steps` ACT steps (0: the model's own number), fewer where the model's stop rule
 * says so. Writes the last answer (seq_len tokens) and, unless NULL, how the run ended. 0, or 1 when a token or the puzzle is out of range or the arena too small. */
int32_t rr_solve(const rr_model *model, const int32_t *tokens, int32_t puzzle_id, int32_t steps, rr_arena *arena,
                 const rr_observer *observer, int32_t *answer, rr_ended *ended);

/* One block in place: h (positions, hidden) int32 state units. */
void rr_block_run(const rr_model *model, const rr_block *p, int32_t *h, rr_arena *arena);

/* z = f(z, inject1 + inject2): one call of a stack; injects are int16 states or int32 sums, or NULL. */
void rr_stack_run(const rr_model *model, const rr_block *blocks, int32_t layers, int16_t *z, const int16_t *inject,
                  const int32_t *x, rr_arena *arena);

/* Monte Carlo: `calls` times z = block(z + x rolled), the first block of the L stack; for call i, position t gets x
 * of position (t + i) mod T; z starts as L_init. on_crc gets the CRC32 of z after every `every` calls. 0 or 1. */
int32_t rr_monte_carlo_run(const rr_model *model, const int32_t *tokens, int32_t puzzle_id, int32_t calls,
                           int32_t every, rr_arena *arena,
                           void (*on_crc)(void *context, int32_t number, uint32_t crc), void *context);

#endif
