#include "rr_selftest.h"

#include "rr_adapter.h"
#include "rr_board.h"
#include "rr_draws.h"
#include "rr_expected.h"
#include "rr_solve.h"

#ifndef RR_SELFTEST_STEPS
#define RR_SELFTEST_STEPS 0 /* ACT steps of each puzzle; 0: all */
#endif

uint32_t rr_test_crc32(const void *data, uint32_t bytes)
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

void rr_put_number(rr_put put, uint32_t value, uint32_t base)
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

int32_t rr_run_vectors(rr_put put); /* rr_runner.c */

typedef struct {
    const rr_expected *wanted;
    int32_t puzzle, calls, differences;
    rr_put put;
} comparison;

/* What follows a run that was cut short after RR_SELFTEST_STEPS was not stored. */
static int32_t stored(int32_t call)
{
    return RR_SELFTEST_STEPS == 0 || call < RR_SELFTEST_STEPS * RR_CALLS_A_STEP;
}

static void on_call(void *context, int32_t call, char level, const void *state, uint32_t bytes)
{
    comparison *c = context;
    const char name[2] = {level, 0};
    c->calls = call + 1;
    if (c->differences || !stored(call)) return;
    if (call < c->wanted->count && rr_test_crc32(state, bytes) == c->wanted->calls[call]) return;
    c->differences++; /* what follows the first difference says nothing */
    c->put("DIFFERS: puzzle ");
    rr_put_number(c->put, (uint32_t)c->puzzle, 10);
    c->put(", call ");
    rr_put_number(c->put, (uint32_t)call, 10);
    c->put(", level ");
    c->put(name);
    c->put(", ACT step ");
    rr_put_number(c->put, (uint32_t)(call / RR_CALLS_A_STEP), 10);
    c->put(", operator ");
    c->put(rr_first_failing() ? rr_first_failing() : "not known: all vectors pass");
    c->put("\n");
}

/* Fill the arena with a pattern before a run; afterwards the last byte that differs is the high-water mark.  A byte
 * may be left with the very value that was there: a run over the inverted pattern then tells. */
static uint32_t touched[RR_ARENAS];

static uint8_t pattern(uint32_t i, uint8_t inverted)
{
    return (uint8_t)((i * 2654435761u) >> 24 ^ inverted);
}

static void paint(uint8_t inverted)
{
    for (int32_t i = 0; i < RR_ARENAS; i++)
        for (uint32_t j = 0; j < rr_arenas[i].bytes; j++) rr_arenas[i].base[j] = pattern(j, inverted);
}

/* Note how far the arenas were written; the number of those not written to their end. */
static int32_t note_touched(uint8_t inverted)
{
    int32_t short_of_end = 0;
    for (int32_t i = 0; i < RR_ARENAS; i++) {
        uint32_t used = rr_arenas[i].bytes;
        while (used > touched[i] && rr_arenas[i].base[used - 1] == pattern(used - 1, inverted)) used--;
        touched[i] = used;
        short_of_end += used != rr_arenas[i].bytes;
    }
    return short_of_end;
}

static int32_t check_arena(rr_put put)
{
    int32_t wrong = 0;
    for (int32_t i = 0; i < RR_ARENAS; i++) {
        put("arena ");
        put(rr_arenas[i].region);
        put(": ");
        rr_put_number(put, touched[i], 10);
        put(" of ");
        rr_put_number(put, rr_arenas[i].bytes, 10);
        put(" bytes touched\n");
        wrong += touched[i] != rr_arenas[i].bytes;
    }
    return wrong;
}

static int32_t check_puzzle(int32_t puzzle, rr_put put)
{
    static uint8_t answer[RR_SEQ];
    const rr_expected *wanted = &rr_expected_puzzles[puzzle];
    comparison c = {wanted, puzzle, 0, 0, put};
    const rr_observer observer = {&c, on_call};
    int32_t q[2];
    const int32_t refused = rr_solve_observed(wanted->tokens, wanted->puzzle, RR_SELFTEST_STEPS, &observer, answer, q);
    if (refused) {
        put("REFUSED: ");
        put(rr_sentence(refused));
        put("\n");
        return 1;
    }
    if (RR_SELFTEST_STEPS == 0 && !c.differences) {
        int32_t wrong = q[0] != wanted->q[0] || q[1] != wanted->q[1];
        for (int32_t i = 0; i < RR_SEQ; i++) wrong |= answer[i] != wanted->answer[i];
        wrong |= c.calls != wanted->count;
        if (wrong) put("DIFFERS: the heads (answer or q) or the number of calls, after the last call\n");
        c.differences += wrong;
    }
    return c.differences;
}

int32_t rr_selftest(rr_put put)
{
    const int32_t calls = (RR_SELFTEST_STEPS ? RR_SELFTEST_STEPS : RR_STEPS) * RR_CALLS_A_STEP;
    int32_t differences = 0;
    const uint32_t image = rr_test_crc32(rr_flash_image, RR_IMAGE_BYTES);
    put("self-test of " RR_NAME "\n");
    if (image != RR_IMAGE_CRC32) {
        put("DIFFERS: the image in memory is not the one that was exported\n");
        return 1;
    }
    differences += rr_run_vectors(put);
    differences += rr_run_drawn(put);
    int32_t calls_differ = 0;
    paint(0);
    for (int32_t i = 0; i < RR_EXPECTED && !calls_differ; i++) calls_differ = check_puzzle(i, put);
    if (note_touched(0) && !calls_differ) {
        paint(0xFF);
        calls_differ = check_puzzle(RR_EXPECTED - 1, put);
        note_touched(0xFF);
    }
    differences += calls_differ + check_arena(put);
    const uint32_t reserve = rr_board_stack_reserve(), used = rr_board_stack_used();
    if (reserve) {
        put("stack: ");
        rr_put_number(put, used, 10);
        put(" of ");
        rr_put_number(put, reserve, 10);
        put(" bytes used\n");
        differences += used >= reserve; /* none was left untouched: it may have been too small */
    }
    put(differences ? "FAIL: " : "PASS: ");
    rr_put_number(put, RR_EXPECTED, 10);
    put(" puzzles of at most ");
    rr_put_number(put, (uint32_t)calls, 10);
    put(" calls\n");
    return differences;
}
