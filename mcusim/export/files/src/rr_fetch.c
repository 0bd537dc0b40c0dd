/* The copy that brings codes into the arena, unless a port defines RR_OWN_FETCH and does it by DMA. */
#include <string.h>

#include "rr_solve.h"

#if !defined(RR_OWN_FETCH)
void rr_fetch(void *to, const void *from, uint32_t bytes)
{
    memcpy(to, from, bytes);
}
#endif
