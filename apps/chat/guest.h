/*
 * Somebody in a room elsewhere, at this terminal.
 */
#ifndef CHAT_GUEST_H
#define CHAT_GUEST_H

#include <stdint.h>

/* Until one of both closes; ends the program if the network fails. */
void be_guest(const char *host, uint16_t port, const char *name);

#endif
