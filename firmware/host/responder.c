/* The firmware behind standard input and output, for 'python -m refimpl certify'. */
#include <stdio.h>

#include "rr_port.h"

int rr_port_get(void)
{
    fflush(stdout);
    return getchar();
}

void rr_port_put(uint8_t byte)
{
    putchar(byte);
}

int main(void)
{
    rr_port_serve();
    return 0;
}
