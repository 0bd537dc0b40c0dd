/* Start-up of one bench on QEMU's riscv32 'virt' board, whose fresh memory is zero. */
#include <stddef.h>
#include <stdint.h>

#include "semihosting.h"

int main(void);

static volatile uint32_t *const FINISHER = (volatile uint32_t *)0x00100000u;

void sh_write(const char *text)
{
    (void)text; /* the bench prints nothing that is read */
}

void sh_exit(int status)
{
    *FINISHER = status ? ((uint32_t)status << 16 | 0x3333u) : 0x5555u;
    for (;;) {
    }
}

/* What the compiler may call for copies and clears. */
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int value, size_t n);

void *memcpy(void *to, const void *from, size_t n)
{
    for (size_t i = 0; i < n; i++) ((uint8_t *)to)[i] = ((const uint8_t *)from)[i];
    return to;
}

void *memset(void *to, int value, size_t n)
{
    for (size_t i = 0; i < n; i++) ((uint8_t *)to)[i] = (uint8_t)value;
    return to;
}

void rr_main(void);

void rr_main(void)
{
    sh_exit(main());
}

__asm__(".section .rr_entry, \"ax\", @progbits\n"
        ".globl rr_entry\n"
        "rr_entry: la sp, rr_stack_top\n"
        "    tail rr_main\n"
        ".text\n");
