/* Whether bytes that came from the image are the image's: a sum of 32-bit words for each transfer, kept beside the
 * program.  Damage within one word is always seen; of two flipped bits in two words some 0.02 % are not (neighbours).
 * What a kernel reads where it stands, and rows of embeddings and angles, only the sum of the whole image covers. */
#ifndef RR_CHECK_H
#define RR_CHECK_H

#include <stdint.h>

/* Of the last solve: transfers that arrived damaged, and whether one did every time. */
extern int32_t rr_flash_caught, rr_flash_bad;

/* Forget the last solve. */
void rr_check_begin(void);
/* Whether to fetch the `bytes` bytes at `at`, a multiple of 4, again: their sum is not the wanted one.  After
 * RR_FETCH_TRIES times it sets rr_flash_bad instead. */
int32_t rr_damaged(const void *at, uint32_t bytes, uint32_t wanted);
/* Whether the image, fetched in pieces, is not the one of that sum, however often it is read; sets rr_flash_bad. */
int32_t rr_image_damaged(const uint8_t *image, uint32_t bytes, uint32_t wanted);

#endif
