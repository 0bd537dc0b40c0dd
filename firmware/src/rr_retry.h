/* Answers with a warrant: accepted by the stop rule and the task's, or tried again under another name.
 * Twin of workbench/retry.py. */
#ifndef RR_RETRY_H
#define RR_RETRY_H

#include <stdint.h>

#include "rr_relabel.h"

/* One run: 0 where it ran, with its ACT steps and whether the stop rule ended it. */
typedef int32_t (*rr_run_once)(void *context, const uint8_t *puzzle, uint8_t *answer, int32_t *steps,
                               int32_t *stopped);

/* Whether an answer keeps the rules of the task. */
typedef int32_t (*rr_keeps_rules)(void *context, const uint8_t *puzzle, const uint8_t *answer);

/* Which try was accepted, from 1, or 0: none was; ACT steps of all tries together. */
typedef struct {
    int32_t tried, steps;
} rr_warrant;

/* Solve `puzzle`; where the answer is refused, again under each of `count` relabellings in turn. `keeps` may be NULL;
 * `room` is 2 * seq bytes. `answer` is that of the last try. 0, or what `run` returned first that is not 0. */
int32_t rr_solve_warranted(rr_run_once run, rr_keeps_rules keeps, void *context, const rr_relabelling *names,
                           int32_t count, int32_t seq, const uint8_t *puzzle, uint8_t *answer, uint8_t *room,
                           rr_warrant *warrant);

#endif
