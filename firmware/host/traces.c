/* Run all golden recursion traces on the host: traces FOLDER, where FOLDER holds the .rrim images. */
#include <stdio.h>
#include <string.h>

#include "rr_trace_check.h"

enum { ARENA_BYTES = 512 * 1024, IMAGE_BYTES = 512 * 1024 };

static union {
    uint8_t bytes[ARENA_BYTES];
    int64_t align;
} memory;

static union {
    uint8_t bytes[IMAGE_BYTES];
    int64_t align[2];
} flash;

static void print(const char *text)
{
    fputs(text, stdout);
}

/* Bytes of folder/name, read into flash; 0 after a message. */
static uint32_t read_image(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file) {
        printf("%s cannot be read\n", path);
        return 0;
    }
    const size_t bytes = fread(flash.bytes, 1, sizeof flash.bytes, file);
    fclose(file);
    return (uint32_t)bytes;
}

int main(int argc, char **argv)
{
    rr_arena arena = {memory.bytes, ARENA_BYTES, 0, 0};
    int failures = 0;
    if (argc != 2) {
        puts("usage: traces FOLDER");
        return 2;
    }
    for (size_t i = 0; i < sizeof rr_traces / sizeof rr_traces[0]; i++)
        failures += !read_image(argv[1], rr_traces[i].image) ||
                    rr_check_trace(&rr_traces[i], flash.bytes, &arena, 0, print) != 0;
    const uint32_t bytes = read_image(argv[1], rr_block_monte_carlo.image);
    failures += !bytes || rr_check_monte_carlo(&rr_block_monte_carlo, flash.bytes, bytes, &arena, print) != 0;
    return failures != 0;
}
