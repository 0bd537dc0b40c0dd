/* A bare Cortex-M whose debugger or emulator prints for it (semihosting). On a board of yours, put a UART here. */
#include "bare.h"
#include "rr_board.h"

extern uint32_t rr_stack_top[];

enum { SYS_WRITE0 = 0x04, SYS_EXIT_EXTENDED = 0x20, ADP_STOPPED_APPLICATION_EXIT = 0x20026 };

static void semihost(int service, const void *argument)
{
    register int r0 __asm__("r0") = service;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

void rr_board_put(const char *text)
{
    semihost(SYS_WRITE0, text);
}

void rr_board_exit(int status)
{
    const int block[2] = {ADP_STOPPED_APPLICATION_EXIT, status};
    semihost(SYS_EXIT_EXTENDED, block);
}

void rr_reset(void);

void rr_reset(void)
{
#if defined(__ARM_FEATURE_MVE)
    *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20; /* CPACR: CP10 and CP11, for Helium */
    __asm__ volatile("dsb\n\tisb");
#endif
    rr_bare_start();
}

static void rr_fault(void)
{
    rr_board_put("fault\n");
    rr_board_exit(99);
    for (;;) {
    }
}

typedef void (*rr_handler)(void);

__attribute__((section(".rr_vectors"), used)) const rr_handler rr_vectors[16] = {
    (rr_handler)(uintptr_t)rr_stack_top, rr_reset, rr_fault, rr_fault, rr_fault, rr_fault, rr_fault,
};
