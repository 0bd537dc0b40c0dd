/* What the self-test needs of a board: a place to print, a way to stop, and how deep the stack went. */
#ifndef RR_BOARD_H
#define RR_BOARD_H

#include <stdint.h>

void rr_board_put(const char *text);
void rr_board_exit(int status);

/* Bytes of stack reserved for the program, and how many of them were ever used; 0 where the board cannot say. */
uint32_t rr_board_stack_reserve(void);
uint32_t rr_board_stack_used(void);

#endif
