/* The flash image, read in place.  Layout: refimpl/image.py (spec section 8); little endian. */
#ifndef RR_IMAGE_H
#define RR_IMAGE_H

#include <stdint.h>

/* Element codes; those of packed codes of 2, 3, 5, 6 and 7 bits are 16 more than the bits. */
enum { RR_INT8 = 1, RR_INT16 = 2, RR_INT32 = 3, RR_INT4 = 4, RR_UINT8 = 5 };

static inline uint32_t rr_element_bits(int element)
{
    static const uint32_t bits[24] = {0, 8, 16, 32, 4, 8, [18] = 2, [19] = 3, [21] = 5, [22] = 6, [23] = 7};
    return element < 24 ? bits[element] : 0;
}

static inline int rr_code_element(int32_t bits)
{
    return bits == 8 ? RR_INT8 : bits == 4 ? RR_INT4 : 16 + (int)bits;
}

typedef struct {
    char name[36]; /* zero padded */
    uint8_t element, rank, zero[2];
    uint32_t dims[3];
    uint32_t offset, bytes, crc32;
} rr_section;

typedef struct {
    const uint8_t *data;
    const rr_section *sections;
    uint32_t count;
} rr_image;

/* Check header, table, canonical layout (refimpl/image.py) and every section's CRC32; 0, or what is wrong. */
const char *rr_image_open(rr_image *image, const void *data, uint32_t bytes);

/* Section "leaf/part", or NULL. */
const rr_section *rr_image_find(const rr_image *image, const char *leaf, const char *part);

static inline const void *rr_image_data(const rr_image *image, const rr_section *section)
{
    return image->data + section->offset;
}

uint32_t rr_crc32(const void *data, uint32_t bytes);

/* Copy `text` to `at`, not beyond `end`; where the next one goes. */
char *rr_append(char *at, const char *end, const char *text);

#endif
