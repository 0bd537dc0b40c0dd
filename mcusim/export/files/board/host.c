/* A computer with an operating system. */
#include <stdio.h>
#include <stdlib.h>

#include "rr_board.h"
#include "rr_selftest.h"

void rr_board_put(const char *text)
{
    fputs(text, stdout);
    fflush(stdout);
}

void rr_board_exit(int status)
{
    exit(status);
}

uint32_t rr_board_stack_reserve(void)
{
    return 0;
}

uint32_t rr_board_stack_used(void)
{
    return 0;
}

int main(void)
{
    return rr_selftest(rr_board_put) != 0;
}
