/* Flash image: header, table, sections. */
#include "rr_image.h"

#include <string.h>

typedef struct {
    char magic[4];
    uint32_t version, count, bytes, table_crc32;
    uint32_t zero[3];
} rr_header;

typedef char rr_header_has_32_bytes[sizeof(rr_header) == 32 ? 1 : -1];
typedef char rr_section_has_64_bytes[sizeof(rr_section) == 64 ? 1 : -1];

uint32_t rr_crc32(const void *data, uint32_t bytes)
{
    /* The reflected polynomial 0xEDB88320, four bits at a time. */
    static const uint32_t table[16] = {0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4,
                                       0x4DB26158, 0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
                                       0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};
    const uint8_t *p = data;
    uint32_t crc = 0xFFFFFFFFu;
    while (bytes--) {
        crc ^= *p++;
        crc = (crc >> 4) ^ table[crc & 15u];
        crc = (crc >> 4) ^ table[crc & 15u];
    }
    return ~crc;
}

/* A name is a word of printable ASCII, zero padded; unused dimensions are zero, used ones are not. */
static int rr_entry_plain(const rr_section *s)
{
    const uint32_t bits = rr_element_bits(s->element);
    uint32_t length = 0;
    uint64_t count = 1;
    while (length < sizeof s->name && s->name[length] > 32 && s->name[length] < 127) length++;
    for (uint32_t i = length; i < sizeof s->name; i++)
        if (s->name[i]) return 0;
    if (!length || !bits || s->rank < 1 || s->rank > 3) return 0;
    if (s->zero[0] || s->zero[1]) return 0;
    for (uint32_t i = 0; i < 3; i++) {
        if ((s->dims[i] != 0) != (i < s->rank)) return 0;
        if (i < s->rank) count *= s->dims[i];
        if (count > UINT32_MAX) return 0;
    }
    return s->bytes == (count * bits + 7u) / 8u;
}

static int rr_zero(const uint8_t *data, uint32_t start, uint32_t stop)
{
    while (start < stop)
        if (data[start++]) return 0;
    return 1;
}

const char *rr_image_open(rr_image *image, const void *data, uint32_t bytes)
{
    const rr_header *header = data;
    if (bytes < sizeof *header || memcmp(header->magic, "RRIM", 4) != 0) return "magic";
    if (header->version != 2) return "version";
    if (header->bytes != bytes) return "size";
    if (header->zero[0] || header->zero[1] || header->zero[2]) return "reserved bytes";
    if (header->count > (bytes - sizeof *header) / sizeof(rr_section)) return "section count";
    image->data = data;
    image->sections = (const rr_section *)(const void *)(image->data + sizeof *header);
    image->count = header->count;
    if (rr_crc32(image->sections, header->count * (uint32_t)sizeof(rr_section)) != header->table_crc32)
        return "section table CRC32";
    uint32_t end = (uint32_t)sizeof *header + image->count * (uint32_t)sizeof(rr_section);
    for (uint32_t i = 0; i < image->count; i++) {
        const rr_section *s = &image->sections[i];
        if (!rr_entry_plain(s)) return "section type or size";
        if (s->offset > bytes || s->bytes > bytes - s->offset || s->offset != ((end + 15u) & ~15u)) return "section extent";
        if (!rr_zero(image->data, end, s->offset)) return "padding";
        for (uint32_t j = 0; j < i; j++)
            if (!memcmp(s->name, image->sections[j].name, sizeof s->name)) return "section twice";
        if (rr_crc32(image->data + s->offset, s->bytes) != s->crc32) return "section CRC32";
        end = s->offset + s->bytes;
        uint32_t used = rr_element_bits(s->element);
        for (uint32_t j = 0; j < s->rank; j++) used = used * (s->dims[j] % 8u) % 8u;
        if (used && image->data[end - 1] >> used) return "padding";
    }
    if (bytes != ((end + 15u) & ~15u)) return "size";
    return rr_zero(image->data, end, bytes) ? 0 : "padding";
}

char *rr_append(char *at, const char *end, const char *text)
{
    while (*text && at < end) *at++ = *text++;
    *at = 0;
    return at;
}

static int rr_named(const char *name, const char *leaf, const char *part)
{
    uint32_t i = 0;
    for (; *leaf; leaf++)
        if (i >= sizeof((rr_section *)0)->name || name[i++] != *leaf) return 0;
    if (*part) {
        if (i >= sizeof((rr_section *)0)->name || name[i++] != '/') return 0;
        for (; *part; part++)
            if (i >= sizeof((rr_section *)0)->name || name[i++] != *part) return 0;
    }
    return i == sizeof((rr_section *)0)->name || name[i] == 0;
}

const rr_section *rr_image_find(const rr_image *image, const char *leaf, const char *part)
{
    for (uint32_t i = 0; i < image->count; i++)
        if (rr_named(image->sections[i].name, leaf, part)) return &image->sections[i];
    return 0;
}
