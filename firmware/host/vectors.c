/* Run all golden op vectors against the firmware's operators, on the host. */
#include <stdio.h>

#include "rr_runner.c"

static void rr_print(const char *text)
{
    fputs(text, stdout);
}

int main(void)
{
    const int32_t failures = rr_run_vectors(rr_print);
    printf("%d failures\n", (int)failures);
    return failures != 0;
}
