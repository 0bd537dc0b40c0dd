#include "rr_retry.h"

#include <string.h>

int32_t rr_solve_warranted(rr_run_once run, rr_keeps_rules keeps, void *context, const rr_relabelling *names,
                           int32_t count, int32_t seq, const uint8_t *puzzle, uint8_t *answer, uint8_t *room,
                           rr_warrant *warrant)
{
    *warrant = (rr_warrant){0, 0};
    for (int32_t attempt = 0; attempt <= count; attempt++) {
        uint8_t *const given = room, *const found = room + seq;
        int32_t steps = 0, stopped = 0;
        if (attempt) rr_relabel(&names[attempt - 1], puzzle, given);
        else memcpy(given, puzzle, (size_t)seq);
        const int32_t refused = run(context, given, found, &steps, &stopped);
        if (refused) return refused;
        if (attempt) rr_relabel_undo(&names[attempt - 1], found, answer);
        else memcpy(answer, found, (size_t)seq);
        warrant->steps += steps;
        if (stopped && (!keeps || keeps(context, puzzle, answer))) {
            warrant->tried = attempt + 1;
            break;
        }
    }
    return 0;
}
