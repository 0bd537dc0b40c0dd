/* Load a flash image and, if it is accepted, run one ACT step on tokens 0: load FILE. For hostile images. */
#include <stdio.h>
#include <string.h>

#include "rr_run.h"

enum { ARENA_BYTES = 1024 * 1024, IMAGE_BYTES = 512 * 1024, MAX_TOKENS = 4096 };

static union {
    uint8_t bytes[ARENA_BYTES];
    int64_t align;
} memory;

static union {
    uint8_t bytes[IMAGE_BYTES];
    int64_t align[2];
} flash;

static rr_model model;

int main(int argc, char **argv)
{
    static int32_t tokens[MAX_TOKENS], answer[MAX_TOKENS];
    rr_arena arena = {memory.bytes, ARENA_BYTES, 0, 0};
    rr_image image;
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (!file) {
        puts("usage: load FILE");
        return 2;
    }
    const size_t bytes = fread(flash.bytes, 1, sizeof flash.bytes, file);
    fclose(file);
    const char *problem = rr_image_open(&image, flash.bytes, (uint32_t)bytes);
    if (!problem) problem = rr_model_load(&model, &image);
    if (!problem && rr_solve(&model, tokens, 0, 1, &arena, NULL, answer, NULL)) problem = "rr_solve";
    puts(problem ? problem : "ran");
    return problem != NULL;
}
