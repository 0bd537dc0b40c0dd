/* A solver whose flash damages one transfer, or from one on every read of one byte.
 *   faulty list                        every transfer: number, offset in the image, bytes
 *   faulty once TRANSFER BYTE BIT      that byte of that transfer arrives with a bit flipped
 *   faulty from TRANSFER OFFSET BIT    that byte of the image is read with a bit flipped from there on
 * Prints what rr_solve returned, what it caught, the bytes fetched, the answer and q. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rr_check.h"
#include "rr_expected.h"
#include "rr_solve.h"

static unsigned long transfers, fetched, at, where;
static unsigned bit;
static char mode;

void rr_fetch(void *to, const void *from, uint32_t bytes)
{
    const unsigned long offset = (unsigned long)((const uint8_t *)from - rr_flash_image);
    memcpy(to, from, bytes);
    if (mode == 'l') printf("%lu %lu %lu\n", transfers, offset, (unsigned long)bytes);
    if (mode == 'o' && transfers == at) ((uint8_t *)to)[where % bytes] ^= (uint8_t)(1u << bit);
    if (mode == 'f' && transfers >= at && offset <= where && where < offset + bytes)
        ((uint8_t *)to)[where - offset] ^= (uint8_t)(1u << bit);
    transfers++;
    fetched += bytes;
}

uint32_t rr_fetch_ahead(void *to, const void *from, uint32_t bytes, int32_t pieces, uint32_t step)
{
    for (int32_t i = 0; i < pieces; i++)
        rr_fetch((uint8_t *)to + (uint32_t)i * bytes, (const uint8_t *)from + (uint32_t)i * step, bytes);
    return 0;
}

void rr_fetch_wait(uint32_t ticket)
{
    (void)ticket;
}

int main(int count, char **words)
{
    static uint8_t answer[RR_SEQ];
    int32_t q[2] = {0, 0};
    mode = words[1][0];
    if (count > 4) {
        at = strtoul(words[2], 0, 10);
        where = strtoul(words[3], 0, 10);
        bit = (unsigned)strtoul(words[4], 0, 10);
    }
    memset(answer, 0xEE, sizeof answer);
    const int32_t result = rr_solve(rr_expected_puzzles[0].tokens, 0, answer, q);
    printf("result %d caught %d fetched %lu answer", (int)result, (int)rr_flash_caught, fetched);
    for (int i = 0; i < RR_SEQ; i++) printf(" %d", answer[i]);
    printf(" q %d %d\n", (int)q[0], (int)q[1]);
    return 0;
}
