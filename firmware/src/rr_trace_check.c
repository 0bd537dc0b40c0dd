/* Comparison with the golden recursion traces. */
#include "rr_trace_check.h"

#include <string.h>

#include "rr_block.h"
#include "rr_fixed.h"

static rr_model rr_loaded;

typedef struct {
    const rr_trace *trace;
    int32_t state_values, logit_values, differences, calls;
    rr_put put;
} rr_comparison;

static void rr_put_word(rr_put put, uint32_t value, uint32_t base)
{
    char text[12];
    int at = 11;
    text[at] = 0;
    do {
        text[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    put(text + at);
}

static void rr_differ(rr_comparison *c, const char *what, int32_t number, uint32_t expected, uint32_t got)
{
    if (c->differences++) return; /* what follows the first difference says nothing */
    c->put(c->trace->name);
    c->put(": ");
    c->put(what);
    c->put(" ");
    rr_put_word(c->put, (uint32_t)number, 10);
    c->put(" differs first: expected ");
    rr_put_word(c->put, expected, 16);
    c->put(", got ");
    rr_put_word(c->put, got, 16);
    c->put("\n");
}

static void rr_on_call(void *context, int32_t index, int32_t step, char level, const int16_t *z)
{
    rr_comparison *c = context;
    const uint32_t got = rr_crc32(z, 2u * (uint32_t)c->state_values), expected = c->trace->calls[index];
    (void)step;
    c->calls++;
    if (got != expected) rr_differ(c, level == 'L' ? "z_L of call" : "z_H of call", index, expected, got);
}

static void rr_on_step(void *context, int32_t step, const int32_t *logits, const int32_t *q, const int32_t *answer)
{
    rr_comparison *c = context;
    const rr_trace *t = c->trace;
    const uint32_t logit_crc = rr_crc32(logits, 4u * (uint32_t)c->logit_values);
    const uint32_t answer_crc = rr_crc32(answer, 4u * (uint32_t)t->seq_len);
    if (logit_crc != t->logits[step]) rr_differ(c, "logits of step", step, t->logits[step], logit_crc);
    if (answer_crc != t->answers[step]) rr_differ(c, "answer of step", step, t->answers[step], answer_crc);
    for (int32_t i = 0; i < 2; i++)
        if (q[i] != t->q[2 * step + i])
            rr_differ(c, i ? "q_continue of step" : "q_halt of step", step, (uint32_t)t->q[2 * step + i], (uint32_t)q[i]);
}

/* Open the image and load the model into rr_loaded; 0, or -1 after a sentence. */
static int32_t rr_load(const char *name, const void *data, uint32_t bytes, const rr_arena *arena, rr_put put)
{
    rr_image image;
    const char *problem = rr_image_open(&image, data, bytes);
    if (!problem) problem = rr_model_load(&rr_loaded, &image);
    if (!problem && arena->bytes < rr_arena_bytes(&rr_loaded)) problem = "the arena is too small";
    if (!problem) return 0;
    put(name);
    put(": image refused: ");
    put(problem);
    put("\n");
    return -1;
}

int32_t rr_check_trace(const rr_trace *t, const void *image, rr_arena *arena, int32_t steps, rr_put put)
{
    static int32_t answer[4096];
    rr_comparison c = {t, 0, 0, 0, 0, put};
    if (rr_crc32(image, t->image_bytes) != t->image_crc32) {
        put(t->name);
        put(": this is not the image of the trace\n");
        return -1;
    }
    if (rr_load(t->name, image, t->image_bytes, arena, put)) return -1;
    if (t->seq_len != rr_loaded.config.seq_len || t->seq_len > 4096) return -1;
    c.state_values = rr_loaded.positions * rr_loaded.config.hidden_size;
    c.logit_values = t->seq_len * rr_loaded.config.vocab_size;
    const rr_observer observer = {&c, rr_on_call, rr_on_step};
    rr_ended ended;
    if (rr_loaded.stop.kind && memcmp(&rr_loaded.stop, t->stop, sizeof t->stop) != 0) rr_differ(&c, "rule", 0, 0, 1);
    memcpy(&rr_loaded.stop, t->stop, sizeof t->stop);
    if (arena->bytes < rr_arena_bytes(&rr_loaded)) return -1;
    if (rr_solve(&rr_loaded, t->tokens, t->puzzle_id, steps, arena, &observer, answer, &ended) != RR_OK) return -1;
    const int32_t whole = !steps || steps >= t->steps;
    if (whole && ended.steps != t->steps)
        rr_differ(&c, "steps", 0, (uint32_t)t->steps, (uint32_t)ended.steps);
    if (whole && ended.stopped != t->stopped)
        rr_differ(&c, "stopped", 0, (uint32_t)t->stopped, (uint32_t)ended.stopped);
    if (whole && memcmp(answer, t->answer, 4u * (uint32_t)t->seq_len) != 0) rr_differ(&c, "answer", 0, 0, 1);
    put(t->name);
    put(": ");
    rr_put_word(put, (uint32_t)c.calls, 10);
    put(" calls, ");
    rr_put_word(put, (uint32_t)c.differences, 10);
    put(" differences, arena ");
    rr_put_word(put, arena->peak, 10);
    put(" of ");
    rr_put_word(put, rr_arena_bytes(&rr_loaded), 10);
    put(" bytes\n");
    return c.differences;
}

typedef struct {
    const rr_monte_carlo *trace;
    int32_t wrong; /* the first CRC that differs, from 1 */
} rr_monte_carlo_comparison;

static void rr_on_crc(void *context, int32_t number, uint32_t crc)
{
    rr_monte_carlo_comparison *c = context;
    if (!c->wrong && crc != c->trace->crc32[number]) c->wrong = number + 1;
}

int32_t rr_check_monte_carlo(const rr_monte_carlo *t, const void *image, uint32_t bytes, rr_arena *arena, rr_put put)
{
    if (rr_load("block-monte-carlo", image, bytes, arena, put)) return -1;
    rr_monte_carlo_comparison c = {t, 0};
    if (rr_monte_carlo_run(&rr_loaded, t->tokens, t->puzzle_id, t->calls, t->every, arena, rr_on_crc, &c) != RR_OK)
        return -1;
    put(c.wrong ? "block-monte-carlo: differs before call " : "block-monte-carlo: ");
    rr_put_word(put, (uint32_t)(c.wrong ? c.wrong * t->every : t->calls), 10);
    put(c.wrong ? "\n" : " calls, 0 differences\n");
    return c.wrong != 0;
}
