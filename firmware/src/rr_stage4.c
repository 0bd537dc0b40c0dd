/* Staging of packed int4 rows.  With an odd k every other row starts in the high nibble of a byte. */
#include "rr_dot.h"
#include "rr_fixed.h"

void rr_stage_s4(const uint8_t *codes, int32_t row, int32_t k, rr_staged *staged)
{
    const int32_t first = row * k;
    const uint8_t *bytes = codes + (first >> 1);
    const int32_t odd = first & 1;
    uint32_t byte = odd ? *bytes++ : 0;
    for (int32_t i = 0; i < k; i++) {
        if (((i + odd) & 1) == 0) byte = *bytes++;
        const int32_t code = (int32_t)(((i + odd) & 1) ? byte >> 4 : byte & 15u);
        staged[RR_STAGED_AT(i)] = (rr_staged)((code ^ 8) - 8);
    }
}
