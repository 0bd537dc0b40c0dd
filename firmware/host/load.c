/* Load flash images and run those that are accepted, on tokens 0: load FILE, or load - for a stream on standard
 * input (four bytes of length, then the image, again and again; one line of output each).  For hostile images. */
#include <stdio.h>
#include <string.h>

#include "rr_run.h"

enum { ARENA_BYTES = 1024 * 1024, IMAGE_BYTES = 512 * 1024, MAX_TOKENS = 4096, STREAM_CYCLES = 2 };

static union {
    uint8_t bytes[ARENA_BYTES];
    int64_t align;
} memory;

static union {
    uint8_t bytes[IMAGE_BYTES];
    int64_t align[2];
} flash;

static rr_model model;
static uint32_t digest;

/* The checksum of all states so far and this one. */
static void on_call(void *context, int32_t index, int32_t step, char level, const int16_t *z)
{
    const uint32_t both[2] = {digest, rr_crc32(z, 2u * (uint32_t)(model.positions * model.config.hidden_size))};
    (void)context, (void)index, (void)step, (void)level;
    digest = rr_crc32(both, sizeof both);
}

static const char *checked(uint32_t bytes)
{
    static rr_image image;
    const char *problem = rr_image_open(&image, flash.bytes, bytes);
    return problem ? problem : rr_model_load(&model, &image);
}

static int32_t solve(void)
{
    static int32_t tokens[MAX_TOKENS], answer[MAX_TOKENS];
    static const rr_observer observer = {0, on_call, 0};
    rr_arena arena = {memory.bytes, ARENA_BYTES, 0, 0};
    digest = 0;
    return rr_solve(&model, tokens, 0, 1, &arena, &observer, answer, NULL);
}

/* At most STREAM_CYCLES of each kind, however many an image asks for. */
static void run_short(void)
{
    if (model.config.H_cycles > STREAM_CYCLES) model.config.H_cycles = STREAM_CYCLES;
    if (model.config.L_cycles > STREAM_CYCLES) model.config.L_cycles = STREAM_CYCLES;
    if (model.stop.more > STREAM_CYCLES) model.stop.more = STREAM_CYCLES;
    if (rr_arena_bytes(&model) > ARENA_BYTES) puts("large");
    else if (solve()) puts("not run");
    else printf("ran %08x\n", (unsigned)digest);
}

static int stream(void)
{
    uint8_t size[4];
    while (fread(size, 1, 4, stdin) == 4) {
        const uint32_t bytes = size[0] | (uint32_t)size[1] << 8 | (uint32_t)size[2] << 16 | (uint32_t)size[3] << 24;
        if (bytes > sizeof flash || fread(flash.bytes, 1, bytes, stdin) != bytes) return 2;
        const char *problem = checked(bytes);
        if (problem) printf("refused: %s\n", problem);
        else run_short();
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "-")) return stream();
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (!file) {
        puts("usage: load FILE");
        return 2;
    }
    const size_t bytes = fread(flash.bytes, 1, sizeof flash.bytes, file);
    fclose(file);
    const char *problem = checked((uint32_t)bytes);
    if (!problem && solve()) problem = "rr_solve";
    puts(problem ? problem : "ran");
    return problem != NULL;
}
