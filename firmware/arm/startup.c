/* Start-up of a bare Cortex-M: vector table, .data, .bss, and Helium's coprocessor access where there is one. */
#include <stdint.h>

#include "semihosting.h"

extern uint32_t rr_stack_top[], rr_data_load[], rr_data_start[], rr_data_end[], rr_bss_start[], rr_bss_end[];
int main(void);

enum { SYS_WRITE0 = 0x04, SYS_EXIT_EXTENDED = 0x20, ADP_STOPPED_APPLICATION_EXIT = 0x20026 };

static void semihost(int service, const void *argument)
{
    register int r0 __asm__("r0") = service;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

void sh_write(const char *text)
{
    semihost(SYS_WRITE0, text);
}

void sh_exit(int status)
{
    const int block[2] = {ADP_STOPPED_APPLICATION_EXIT, status};
    semihost(SYS_EXIT_EXTENDED, block);
}

void rr_reset_handler(void)
{
#if defined(__ARM_FEATURE_MVE)
    *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20; /* CPACR: CP10 and CP11 */
    __asm__ volatile("dsb\n\tisb");
#endif
    const uint32_t *from = rr_data_load;
    for (uint32_t *to = rr_data_start; to < rr_data_end;) *to++ = *from++;
    for (uint32_t *to = rr_bss_start; to < rr_bss_end;) *to++ = 0;
    sh_exit(main());
    for (;;) {
    }
}

static void fault(void)
{
    sh_write("fault\n");
    sh_exit(99);
    for (;;) {
    }
}

typedef void (*rr_handler)(void);

__attribute__((section(".vectors"), used)) static const rr_handler vectors[16] = {
    (rr_handler)(uintptr_t)rr_stack_top, rr_reset_handler, fault, fault, fault, fault, fault,
};
