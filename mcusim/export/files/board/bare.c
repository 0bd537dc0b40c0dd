/* What every board without an operating system shares: .data, .bss, a painted stack, and the self-test. */
#include "bare.h"

#include "rr_board.h"
#include "rr_selftest.h"

extern uint32_t rr_data_load[], rr_data_start[], rr_data_end[], rr_bss_start[], rr_bss_end[];
extern uint32_t rr_stack_bottom[], rr_stack_top[];

static const uint32_t PAINT = 0xA5C35A3Cu;

uint32_t rr_board_stack_reserve(void)
{
    return (uint32_t)((uintptr_t)rr_stack_top - (uintptr_t)rr_stack_bottom);
}

uint32_t rr_board_stack_used(void)
{
    const uint32_t *at = rr_stack_bottom;
    while (at < rr_stack_top && *at == PAINT) at++;
    return (uint32_t)(rr_stack_top - at) * 4u;
}

void rr_bare_start(void)
{
    /* The frames in use lie above this one; what is left unpainted below it counts as used. */
    const uintptr_t here = (uintptr_t)__builtin_frame_address(0) - 64u;
    for (volatile uint32_t *at = rr_stack_bottom; (uintptr_t)at < here; at++) *at = PAINT;
    const uint32_t *from = rr_data_load;
    for (uint32_t *to = rr_data_start; to < rr_data_end;) *to++ = *from++;
    for (uint32_t *to = rr_bss_start; to < rr_bss_end;) *to++ = 0;
    rr_board_exit(rr_selftest(rr_board_put) != 0);
    for (;;) {
    }
}

/* The three that a compiler may call on its own; a C library's own go before them. */
typedef uint32_t __attribute__((may_alias)) rr_word;

__attribute__((weak)) void *memcpy(void *to, const void *from, size_t bytes)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    if ((((uintptr_t)t | (uintptr_t)f) & 3u) == 0)
        for (; bytes >= 4; bytes -= 4, t += 4, f += 4) *(rr_word *)(void *)t = *(const rr_word *)(const void *)f;
    for (; bytes; bytes--) *t++ = *f++;
    return to;
}

__attribute__((weak)) void *memset(void *to, int value, size_t bytes)
{
    for (uint8_t *t = to; bytes; bytes--) *t++ = (uint8_t)value;
    return to;
}

__attribute__((weak)) int memcmp(const void *a, const void *b, size_t bytes)
{
    const uint8_t *x = a, *y = b;
    for (; bytes; bytes--, x++, y++)
        if (*x != *y) return *x - *y;
    return 0;
}
