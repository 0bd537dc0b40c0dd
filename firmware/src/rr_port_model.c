/* Whole models behind the responder of golden/c/rr_port.c. */
#include <setjmp.h>
#include <string.h>

#include "rr_block.h"
#include "rr_fixed.h"
#include "rr_port.h"

#ifndef RR_PORT_FLASH_BYTES
#define RR_PORT_FLASH_BYTES (512 * 1024)
#endif
#ifndef RR_PORT_ARENA_BYTES
#define RR_PORT_ARENA_BYTES (512 * 1024)
#endif

#ifdef RR_PORT_FLASH_SECTION
__attribute__((section(RR_PORT_FLASH_SECTION)))
#endif
static union {
    uint8_t bytes[RR_PORT_FLASH_BYTES];
    int64_t align[2];
} rr_flash;

static union {
    uint8_t bytes[RR_PORT_ARENA_BYTES];
    int64_t align;
} rr_memory;

static rr_model rr_loaded;
static int rr_is_loaded;
static jmp_buf rr_given_up;

/* A reply that grows: words to the end of its room, more are dropped and the reply is no longer good. */
typedef struct {
    int32_t *words;
    uint32_t used, room;
    int32_t last, shown; /* the calls after which to give up, and whose state to show */
    const int16_t *state;
} rr_reply;

static void rr_add_word(rr_reply *r, int32_t word)
{
    if (r->used < r->room) r->words[r->used] = word;
    r->used++;
}

static uint32_t rr_reply_bytes(rr_reply *r)
{
    if (r->used <= r->room) return 4 * r->used;
    r->words[0] = RR_PORT_NOT_SERVED;
    return 4;
}

uint32_t rr_port_flash_bytes(void)
{
    return RR_PORT_FLASH_BYTES;
}

#ifndef RR_PORT_STACK
uint32_t rr_port_stack_bytes(void)
{
    return 0;
}
#endif

static rr_arena rr_fresh_arena(void)
{
    memset(rr_memory.bytes, 0xA5, sizeof rr_memory); /* what an interrupted run might have left */
    const rr_arena arena = {rr_memory.bytes, sizeof rr_memory, 0, 0};
    return arena;
}

static uint32_t rr_port_load(const int32_t *request, rr_reply *reply)
{
    static rr_image image;
    const char *problem = "it is larger than the flash";
    rr_is_loaded = 0;
    if ((uint32_t)request[1] <= sizeof rr_flash) problem = rr_image_open(&image, rr_flash.bytes, (uint32_t)request[1]);
    if (!problem) problem = rr_model_load(&rr_loaded, &image);
    if (!problem && rr_arena_bytes(&rr_loaded) > sizeof rr_memory) problem = "it needs a larger arena";
    reply->words[0] = problem != 0;
    if (problem) {
        const char *end = (char *)(reply->words + reply->room) - 1;
        return (uint32_t)(rr_append((char *)(reply->words + 1), end, problem) - (char *)reply->words);
    }
    rr_is_loaded = 1;
    rr_add_word(reply, rr_loaded.positions);
    rr_add_word(reply, rr_loaded.config.hidden_size);
    rr_add_word(reply, (int32_t)rr_arena_bytes(&rr_loaded));
    rr_add_word(reply, (int32_t)rr_port_stack_bytes());
    return rr_reply_bytes(reply);
}

static void rr_on_call(void *context, int32_t index, int32_t step, char level, const int16_t *z)
{
    static int16_t shown[RR_PORT_BYTES / 4];
    rr_reply *reply = context;
    const uint32_t bytes = 2u * (uint32_t)(rr_loaded.positions * rr_loaded.config.hidden_size);
    (void)step, (void)level;
    rr_add_word(reply, (int32_t)rr_crc32(z, bytes));
    if (index == reply->shown && bytes <= sizeof shown) reply->state = memcpy(shown, z, bytes);
    if (index == reply->last) longjmp(rr_given_up, 1);
}

/* Four words a step, kept until all calls are in the reply. */
enum { RR_MOST_STEPS = 64 };
static int32_t rr_steps[RR_MOST_STEPS * 4], rr_step_count;

static void rr_on_step(void *context, int32_t step, const int32_t *logits, const int32_t *q, const int32_t *answer)
{
    const rr_config *c = &rr_loaded.config;
    int32_t *to = rr_steps + 4 * step;
    (void)context;
    if (step >= RR_MOST_STEPS) return;
    to[0] = (int32_t)rr_crc32(logits, 4u * (uint32_t)(c->seq_len * c->vocab_size));
    to[1] = q[0];
    to[2] = q[1];
    to[3] = (int32_t)rr_crc32(answer, 4u * (uint32_t)c->seq_len);
    rr_step_count = step + 1;
}

enum { RR_SOLVE_HEAD = 6 };

static uint32_t rr_port_solve(const int32_t *request, uint32_t bytes, rr_reply *reply)
{
    static int32_t answer[4096];
    static rr_ended ended;
    static rr_arena arena;
    const rr_observer observer = {reply, rr_on_call, rr_on_step};
    const int32_t seq_len = rr_loaded.config.seq_len;
    if (bytes != 4u * (uint32_t)(10 + seq_len) || seq_len > 4096) return reply->words[0] = RR_PORT_DAMAGED, 4;
    memcpy(&rr_loaded.stop, request + 2, sizeof rr_loaded.stop);
    reply->last = request[8];
    reply->shown = request[9];
    reply->used = RR_SOLVE_HEAD;
    rr_step_count = 0;
    arena = rr_fresh_arena();
    const int given_up = setjmp(rr_given_up);
    if (!given_up && rr_solve(&rr_loaded, request + 10, request[1], 0, &arena, &observer, answer, &ended) != RR_OK)
        return reply->words[0] = RR_PORT_REFUSED, 4;
    reply->words[1] = given_up ? 0 : ended.steps;
    reply->words[2] = given_up ? 0 : ended.stopped;
    reply->words[3] = (int32_t)arena.peak;
    reply->words[4] = (int32_t)rr_port_stack_bytes();
    reply->words[5] = (int32_t)reply->used - RR_SOLVE_HEAD;
    if (reply->state) {
        for (int32_t i = 0; i < rr_loaded.positions * rr_loaded.config.hidden_size; i += 2)
            rr_add_word(reply, (int32_t)((uint16_t)reply->state[i] | (uint32_t)(uint16_t)reply->state[i + 1] << 16));
    } else if (!given_up) {
        for (int32_t i = 0; i < 4 * rr_step_count; i++) rr_add_word(reply, rr_steps[i]);
        for (int32_t i = 0; i < seq_len; i++) rr_add_word(reply, answer[i]);
    }
    return rr_reply_bytes(reply);
}

static uint32_t rr_port_block(const int32_t *request, uint32_t bytes, rr_reply *reply)
{
    const rr_config *c = &rr_loaded.config;
    const int32_t size = rr_loaded.positions * c->hidden_size, high = request[1] && c->H_layers;
    const int32_t layer = request[2], layers = high ? c->H_layers : c->L_layers;
    rr_arena arena = rr_fresh_arena();
    if (bytes != 4u * (uint32_t)(3 + size) || reply->room < (uint32_t)size + 1) return reply->words[0] = RR_PORT_DAMAGED, 4;
    if (layer < 0 || layer >= layers) return reply->words[0] = RR_PORT_REFUSED, 4;
    int32_t *h = rr_alloc(&arena, 4 * size);
    memcpy(h, request + 3, 4u * (uint32_t)size);
    rr_block_run(&rr_loaded, (high ? rr_loaded.H_level : rr_loaded.L_level) + layer, h, &arena);
    memcpy(reply->words + 1, h, 4u * (uint32_t)size);
    return 4u * (uint32_t)(size + 1);
}

static void rr_on_crc(void *context, int32_t number, uint32_t crc)
{
    (void)number;
    rr_add_word(context, (int32_t)crc);
}

static uint32_t rr_port_monte_carlo(const int32_t *request, uint32_t bytes, rr_reply *reply)
{
    rr_arena arena = rr_fresh_arena();
    if (bytes != 4u * (uint32_t)(4 + rr_loaded.config.seq_len)) return reply->words[0] = RR_PORT_DAMAGED, 4;
    if (rr_monte_carlo_run(&rr_loaded, request + 4, request[1], request[2], request[3], &arena, rr_on_crc, reply))
        return reply->words[0] = RR_PORT_REFUSED, 4;
    return rr_reply_bytes(reply);
}

uint32_t rr_port_model(const int32_t *request, uint32_t bytes, int32_t *words, uint32_t room)
{
    static rr_reply reply;
    reply = (rr_reply){words, 1, room / 4, -1, -1, 0};
    words[0] = RR_PORT_DONE;
    if (request[0] == RR_PORT_FLASH && bytes >= 8) {
        const uint32_t at = (uint32_t)request[1], count = bytes - 8;
        if (at > sizeof rr_flash || count > sizeof rr_flash - at) return words[0] = RR_PORT_REFUSED, 4;
        memcpy(rr_flash.bytes + at, request + 2, count);
        return 4;
    }
    if (request[0] == RR_PORT_LOAD && bytes == 8) return rr_port_load(request, &reply);
    if (!rr_is_loaded || bytes < 16) return words[0] = RR_PORT_REFUSED, 4;
    if (request[0] == RR_PORT_SOLVE) return rr_port_solve(request, bytes, &reply);
    if (request[0] == RR_PORT_BLOCK) return rr_port_block(request, bytes, &reply);
    if (request[0] == RR_PORT_MONTE_CARLO) return rr_port_monte_carlo(request, bytes, &reply);
    return words[0] = RR_PORT_NOT_SERVED, 4;
}
