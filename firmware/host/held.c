/* Recorded requests against the port that this is linked with: RECORD -> the number of the first request whose
 * answer the certificate would not take, "all" if there is none; a crash is told by exit 4, taking too long by 3.  A record is, one after the other, the bytes of a
 * request and of its right answer (uint32 each, then both, each padded to 8 bytes): recorded() of workbench/certify.
 * It ends with whoever started it, and after a time by itself.  Behind a request lies a page that must not be read;
 * built with AddressSanitizer, so may not be what pads an input to 8 bytes. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rr_port.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#endif

enum { MOST_SECONDS = 120, PAGE = 4096, ROOM = 4 << 20 };

/* What the certificate looks at: not what stands behind a refusal, nor arena, stack and wording. */
static int taken(int32_t kind, const uint8_t *got, uint32_t bytes, const uint8_t *right, uint32_t wanted)
{
    if (memcmp(got, right, 4)) return 0;
    const int done = !memcmp(right, "\0\0\0\0", 4);
    if (kind == RR_PORT_OPERATOR && !done) return 1;
    if (kind == RR_PORT_LOAD) return !done || !memcmp(got, right, 12);
    if (bytes != wanted) return 0;
    if (kind == RR_PORT_SOLVE && done) return !memcmp(got, right, 12) && !memcmp(got + 20, right + 20, wanted - 20);
    return !memcmp(got, right, wanted);
}

/* Padding of the inputs of an operator's request. */
static void poison(uint8_t *request, uint32_t bytes)
{
    enum { LENGTHS = 4 + 32 + 8 * 4 + 4, INPUTS = 10 };
    int32_t kind, lengths[INPUTS];
    memcpy(&kind, request, 4);
    if (kind != RR_PORT_OPERATOR || bytes < LENGTHS + sizeof lengths) return;
    memcpy(lengths, request + LENGTHS, sizeof lengths);
    uint8_t *at = request + LENGTHS + sizeof lengths;
    for (int i = 0; i < INPUTS; i++) {
        if (lengths[i] <= 0) continue;
        ASAN_POISON_MEMORY_REGION(at + lengths[i], (uint32_t)-lengths[i] % 8u);
        at += (lengths[i] + 7) / 8 * 8;
    }
}

static volatile long asked;

/* A crash kills as a wrong answer does; what was asked is told by numbers and signals that need no buffer. */
static void crashed(int signal)
{
    char text[24];
    int at = sizeof text;
    text[--at] = '\n';
    long rest = asked;
    do text[--at] = (char)('0' + rest % 10);
    while (rest /= 10);
    (void)!write(1, text + at, sizeof text - (size_t)at);
    _exit(signal == SIGALRM ? 3 : 4);
}

int main(int count, char **words)
{
    const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGALRM};
    static uint8_t spare[1 << 16]; /* a stack for the handler: the mutant may have used up its own */
    const stack_t stack = {.ss_sp = spare, .ss_size = sizeof spare};
    const struct sigaction action = {.sa_handler = crashed, .sa_flags = SA_ONSTACK};
    sigaltstack(&stack, 0);
    for (int i = 0; i < 7; i++) sigaction(signals[i], &action, 0);
    struct stat about;
    const int file = count == 2 ? open(words[1], O_RDONLY) : -1;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(MOST_SECONDS);
    if (file < 0 || fstat(file, &about)) return 2;
    const uint8_t *at = mmap(0, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, file, 0), *end = at + about.st_size;
    uint8_t *sent = mmap(0, ROOM + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    static int64_t words_got[ROOM / 8];
    uint8_t *got = (uint8_t *)words_got;
    if (at == MAP_FAILED || sent == MAP_FAILED || mprotect(sent + ROOM, PAGE, PROT_NONE)) return 2;
    for (; at < end; asked++) {
        uint32_t size[2];
        int32_t kind;
        memcpy(size, at, 8);
        const uint8_t *request = at + 8, *right = request + (size[0] + 7) / 8 * 8;
        uint8_t *to = sent + ROOM - (size[0] + 7) / 8 * 8;
        ASAN_UNPOISON_MEMORY_REGION(to, (size_t)(sent + ROOM - to));
        memcpy(to, request, size[0]);
        poison(to, size[0]);
        memcpy(&kind, request, 4);
        const uint32_t bytes = rr_port_answer(to, size[0], got, ROOM);
        if (!taken(kind, got, bytes, right, size[1])) return printf("%ld\n", asked), 0;
        at = right + (size[1] + 7) / 8 * 8;
    }
    return puts("all"), 0;
}
