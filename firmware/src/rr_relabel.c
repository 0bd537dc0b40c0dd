#include "rr_relabel.h"

void rr_relabel(const rr_relabelling *p, const uint8_t *puzzle, uint8_t *to)
{
    for (int32_t i = 0; i < p->seq; i++) to[i] = p->names[puzzle[p->source[i]]];
}

void rr_relabel_undo(const rr_relabelling *p, const uint8_t *answer, uint8_t *to)
{
    for (int32_t i = 0; i < p->seq; i++) {
        int32_t token = 0;
        while (token < p->vocab - 1 && p->names[token] != answer[i]) token++;
        to[p->source[i]] = (uint8_t)token;
    }
}
