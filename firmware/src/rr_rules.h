/* Whether an answer keeps the rules of its task, without the right answer.  Twin of workbench/tasks/rules.py. */
#ifndef RR_RULES_H
#define RR_RULES_H

#include <stdint.h>

/* Sudoku of height * width digits in boxes of `height` rows and `width` columns; a token is 1 for a blank and
 * 1 + digit. 1 where givens are kept and every row, column and box has each digit once. At most 31 digits. */
int32_t rr_sudoku_rules(const uint8_t *puzzle, const uint8_t *answer, int32_t height, int32_t width);

/* A maze of side * side cells: tokens 1 wall, 2 open, 3 start, 4 goal, 5 path. 1 where only open cells became path
 * and the path is a shortest one; `room` is 2 * side * side values of the caller's. */
int32_t rr_maze_rules(const uint8_t *puzzle, const uint8_t *answer, int32_t side, int16_t *room);

#endif
