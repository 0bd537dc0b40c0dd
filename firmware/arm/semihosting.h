/* The two services that a test needs from its debugger or emulator. */
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

void sh_write(const char *text);
void sh_exit(int status);

#endif
