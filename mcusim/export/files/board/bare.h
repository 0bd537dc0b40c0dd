/* Entry of a board without an operating system, called with the stack pointer at rr_stack_top. */
#ifndef RR_BARE_H
#define RR_BARE_H

#include <stdint.h>
#include <string.h>

void rr_bare_start(void);

#endif
