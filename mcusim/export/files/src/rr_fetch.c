/* The copies that bring the image into the arena, unless a port defines RR_OWN_FETCH and does it by DMA. */
#include <string.h>

#include "rr_solve.h"

#if !defined(RR_OWN_FETCH)
void rr_fetch(void *to, const void *from, uint32_t bytes)
{
    memcpy(to, from, bytes);
}

uint32_t rr_fetch_ahead(void *to, const void *from, uint32_t bytes, int32_t pieces, uint32_t step)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    for (; pieces > 0; pieces--, t += bytes, f += step) memcpy(t, f, bytes);
    return 0;
}

void rr_fetch_wait(uint32_t ticket)
{
    (void)ticket;
}
#endif
