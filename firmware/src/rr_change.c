/* How far a state moved: what stop rules look at.  Spec: OP-CHANGE. */
#include "rr_abi.h"
#include "rr_fixed.h"

int32_t rr_change(const int16_t *a, const int16_t *b, int32_t n, int64_t *out)
{
    if (n < 1) return RR_REFUSED;
    int64_t sum = 0;
    int32_t largest = 0;
    for (int32_t i = 0; i < n; i++) {
        const int32_t difference = (int32_t)a[i] - b[i], moved = difference < 0 ? -difference : difference;
        sum += moved;
        if (moved > largest) largest = moved;
    }
    out[0] = sum;
    out[1] = largest;
    return RR_OK;
}
