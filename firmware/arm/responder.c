/* The firmware behind the first UART of an emulated board (CMSDK APB UART), for 'python -m refimpl certify'. */
#include "rr_port.h"

#ifdef __ARM_FEATURE_MVE
#define UART 0x49303000u
#else
#define UART 0x40004000u
#endif
enum { DATA, STATE, CONTROL, DIVIDER = 4, TX_FULL = 1, RX_FULL = 2, BOTH_ENABLED = 3, PAINT = 0x6B6B6B6B, KEPT = 256 };

static volatile uint32_t *const uart = (volatile uint32_t *)(uintptr_t)UART;
extern uint32_t rr_bss_end[], rr_stack_top[];

int rr_port_get(void)
{
    while (!(uart[STATE] & RX_FULL)) {
    }
    return (int)(uart[DATA] & 255u);
}

void rr_port_put(uint8_t byte)
{
    while (uart[STATE] & TX_FULL) {
    }
    uart[DATA] = byte;
}

/* From the top down to the lowest word that is no longer the paint. */
uint32_t rr_port_stack_bytes(void)
{
    const uint32_t *lowest = rr_bss_end;
    while (*lowest == PAINT) lowest++;
    return (uint32_t)((const uint8_t *)rr_stack_top - (const uint8_t *)lowest);
}

int main(void)
{
    const uintptr_t here = (uintptr_t)__builtin_frame_address(0) - KEPT;
    for (volatile uint32_t *p = rr_bss_end; (uintptr_t)p < here; p++) *p = PAINT;
    uart[DIVIDER] = 16;
    uart[CONTROL] = BOTH_ENABLED;
    rr_port_serve();
    return 0;
}
