/* The boot self-test: is this program, on this board, the one that was exported?
 *
 * It checks the image's CRC32 and the alignment of image and arena, runs every linked operator on stored
 * vectors and on drawn cases (rr_draws.h), then solves the stored puzzles and compares the CRC32 of the state after each call, the answer and
 * the q values with the reference. The first difference is named: puzzle, call, level, operator. */
#ifndef RR_SELFTEST_H
#define RR_SELFTEST_H

#include <stdint.h>

typedef void (*rr_put)(const char *text);

/* Number of differences; 0 is a pass. Everything it finds is printed through `put`. */
int32_t rr_selftest(rr_put put);

uint32_t rr_test_crc32(const void *data, uint32_t bytes);
void rr_put_number(rr_put put, uint32_t value, uint32_t base);

#endif
