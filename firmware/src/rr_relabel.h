/* A puzzle under another name: symmetries of a task as two tables.  Twin of workbench/tasks/relabel.py. */
#ifndef RR_RELABEL_H
#define RR_RELABEL_H

#include <stdint.h>

/* names[t]: the new name of token t; source[i]: the old place of the new place i. Both are permutations. */
typedef struct {
    const uint8_t *names;
    const uint16_t *source;
    int32_t seq, vocab;
} rr_relabelling;

/* `puzzle` under its new names at its new places; `to` is another array. */
void rr_relabel(const rr_relabelling *p, const uint8_t *puzzle, uint8_t *to);

/* The inverse, for the answer. */
void rr_relabel_undo(const rr_relabelling *p, const uint8_t *answer, uint8_t *to);

#endif
