/* @NAME@: one recursive reasoner, as planned and exported.
 *
 * C99, integers only, no heap, no library beyond memcpy, memset and memcmp. Not reentrant: all memory is static.
 * The image must lie at a multiple of RR_IMAGE_ALIGN bytes and the arena at a multiple of RR_ARENA_ALIGN:
 * rr_solve refuses anything else. */
#ifndef RR_SOLVE_H
#define RR_SOLVE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RR_NAME "@NAME@"
#define RR_IMAGE_CRC32 @IMAGE_CRC32@u

enum {
    RR_SEQ = @SEQ@, /* tokens in, tokens out */
    RR_VOCAB = @VOCAB@, /* a token is 0 .. RR_VOCAB - 1 */
    RR_PUZZLES = @ROWS@, /* rows of the puzzle table in the image */
    RR_STEPS = @STEPS@, /* ACT steps */
    RR_CALLS_A_STEP = @CALLS@,
    RR_STATE_BYTES = @STATE@, /* of z_H, and of z_L */
    RR_IMAGE_BYTES = @IMAGE@,
    RR_IMAGE_ALIGN = @IMAGE_ALIGN@,
    RR_ARENA_ALIGN = @ARENA_ALIGN@,
    RR_ARENAS = @ARENAS@
};

/* What rr_solve returns: 0, or why nothing was computed; rr_sentence says it in words. */
enum {
    RR_SOLVED = 0,
    RR_BAD_TOKEN = 1,
    RR_BAD_PUZZLE = 2,
    RR_IMAGE_MISALIGNED = 3,
    RR_ARENA_MISALIGNED = 4,
    RR_BAD_FLASH = 5 /* only with --check-tiles; rr_check.h counts what was caught and fetched again */
};
const char *rr_sentence(int32_t result);

/* Solve one puzzle: RR_SEQ tokens in, RR_SEQ tokens out. q[0] > q[1] says that the network would halt here. */
int32_t rr_solve(const uint8_t *tokens, int32_t puzzle, uint8_t *answer, int32_t *q);

/* Of the last run: the ACT steps it took, and whether the stop rule ended it before the last. */
extern int32_t rr_steps_taken, rr_stopped;

/* After each call: its number from 0, 'L' or 'H', and the state it wrote, as stored. */
typedef struct {
    void *context;
    void (*on_call)(void *context, int32_t call, char level, const void *state, uint32_t bytes);
} rr_observer;

/* The same for `steps` ACT steps (0: all), observed. */
int32_t rr_solve_observed(const uint8_t *tokens, int32_t puzzle, int32_t steps, const rr_observer *observer,
                          uint8_t *answer, int32_t *q);

/* How bytes of the image come into the arena.  What is linked copies; define RR_OWN_FETCH and these three to use a DMA
 * or a QSPI driver.  rr_fetch has finished on return.  rr_fetch_ahead begins to bring a tile of weights and may return
 * at once: `pieces` of `bytes` bytes, `step` bytes apart in the image, behind each other at `to`.  Another tile is used
 * meanwhile; rr_fetch_wait returns when the transfer of that ticket, and so all begun before it, have arrived. */
void rr_fetch(void *to, const void *from, uint32_t bytes);
uint32_t rr_fetch_ahead(void *to, const void *from, uint32_t bytes, int32_t pieces, uint32_t step);
void rr_fetch_wait(uint32_t ticket);

extern const uint8_t rr_flash_image[RR_IMAGE_BYTES];

/* The arena, one array a memory. */
typedef struct {
    const char *region;
    uint8_t *base;
    uint32_t bytes;
} rr_arena_bank;
extern const rr_arena_bank rr_arenas[RR_ARENAS];
@ARRAYS@
#ifdef __cplusplus
}
#endif

#endif
