/* The three functions a compiler may call on its own; board/bare.c defines them for boards without a C library. */
#ifndef RR_FREESTANDING_STRING_H
#define RR_FREESTANDING_STRING_H

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

#endif
