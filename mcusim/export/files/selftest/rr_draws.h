/* Cases that are drawn here and not stored: the kernels of this core, on this board, against the reference's answers.
 * rr_drawn.h has the CRC32 of each answer. */
#ifndef RR_DRAWS_H
#define RR_DRAWS_H

#include <stdint.h>

enum { RR_DRAW_ROWS = 5, RR_DRAW_OUTPUTS = 5, RR_DRAW_K = 80, RR_DRAW_N = 70, RR_DRAW_COLS = 40, RR_DRAW_TOKENS = 9 };
enum { RR_DRAW_MULTIPLIER = 1 << 30 }; /* the least a multiplier may be: rr_abi.h, OP-REQUANTIZE */

/* Compute one drawn case into rr_drawn_out; the bytes of the answer. */
typedef uint32_t (*rr_drawn_call)(void);

typedef struct {
    const char *name;
    rr_drawn_call call;
    uint64_t start; /* of the stream */
    const uint32_t *crc32;
} rr_drawn;

/* The integer drawn next, low..high. */
int32_t rr_draw(int32_t low, int32_t high);
void rr_draw_s8(int8_t *out, int32_t n, int32_t low, int32_t high);

extern union rr_drawn_room {
    int8_t s8[RR_DRAW_ROWS * RR_DRAW_K];
    int16_t s16[RR_DRAW_ROWS * RR_DRAW_K];
    int32_t s32[RR_DRAW_ROWS * RR_DRAW_K];
} rr_drawn_out, rr_drawn_a, rr_drawn_b;

uint32_t rr_drawn_linear_s8(void);
uint32_t rr_drawn_linear_s4(void);
uint32_t rr_drawn_quantize_s16(void);
uint32_t rr_drawn_quantize_s32(void);
uint32_t rr_drawn_multiply(void);
uint32_t rr_drawn_rms_norm(void);
uint32_t rr_drawn_scores(void);
uint32_t rr_drawn_softmax_s8_s16(void);
uint32_t rr_drawn_weighted_values(void);

/* Run them all; the number that differs.  The first is printed, and noted (rr_note). */
int32_t rr_run_drawn(void (*put)(const char *text));

#endif
