/* One puzzle in, and an answer out where it has a warrant: printed as token codes. */
#include "rr_board.h"
#include "rr_expected.h"
#include "rr_selftest.h"
#include "rr_solve.h"
#include "rr_warranted.h"

int32_t rr_selftest(rr_put put) /* the function that the board calls */
{
    static uint8_t answer[RR_SEQ];
    rr_warrant warrant;
    const int32_t refused =
        rr_solve_accepted(rr_expected_puzzles[0].tokens, rr_expected_puzzles[0].puzzle, answer, &warrant);
    if (refused || !warrant.tried) {
        put(refused ? rr_sentence(refused) : "no answer with a warrant");
        put("\n");
        return 1;
    }
    for (int32_t i = 0; i < RR_SEQ; i++) {
        const char text[5] = {(char)('0' + answer[i] / 100), (char)('0' + answer[i] / 10 % 10), (char)('0' + answer[i] % 10),
                              i + 1 < RR_SEQ ? ' ' : '\n', 0};
        put(text);
    }
    return 0;
}
