/* What a result of rr_solve means. */
#include "rr_solve.h"

const char *rr_sentence(int32_t result)
{
    switch (result) {
    case RR_SOLVED: return "solved";
    case RR_BAD_TOKEN: return "a token is not below RR_VOCAB";
    case RR_BAD_PUZZLE: return "the puzzle is not below RR_PUZZLES";
    case RR_IMAGE_MISALIGNED: return "the image does not lie at a multiple of RR_IMAGE_ALIGN bytes";
    case RR_ARENA_MISALIGNED: return "the arena does not lie at a multiple of RR_ARENA_ALIGN bytes";
    case RR_BAD_FLASH: return "what is read from flash is not the image that was exported";
    default: return "no such result";
    }
}
