/* Staging of weight rows. */
#include "rr_dot.h"

void rr_stage_s8(const int8_t **codes, int32_t k, rr_staged *staged)
{
    const int8_t *row = *codes;
    for (int32_t i = 0; i < k; i++) staged[RR_STAGED_AT(i)] = row[i];
    *codes = row + k;
}

void rr_stage_s4(rr_nibbles *codes, int32_t k, rr_staged *staged)
{
    int32_t i = 0;
    if (codes->half) {
        staged[RR_STAGED_AT(i)] = (rr_staged)((int32_t)((codes->held >> 4) ^ 8u) - 8);
        i++;
    }
    const uint8_t *next = codes->next;
    uint32_t byte = 0;
    for (; i + 2 <= k; i += 2) {
        byte = *next++;
        staged[RR_STAGED_AT(i)] = (rr_staged)((int32_t)((byte & 15u) ^ 8u) - 8);
        staged[RR_STAGED_AT(i + 1)] = (rr_staged)((int32_t)((byte >> 4) ^ 8u) - 8);
    }
    codes->half = i < k;
    if (codes->half) {
        codes->held = *next++;
        staged[RR_STAGED_AT(i)] = (rr_staged)((int32_t)((codes->held & 15u) ^ 8u) - 8);
    }
    codes->next = next;
}
