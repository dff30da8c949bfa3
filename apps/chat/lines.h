/*
 * Lines of UTF-8, from whoever sends bytes: telnet, nc, or somebody who means
 * harm.
 */
#ifndef CHAT_LINES_H
#define CHAT_LINES_H

#include <stdbool.h>
#include <stddef.h>

enum {
    NAME_LEN = 24,
    TEXT_LEN = 1000,                     /* of a line, as somebody says it */
    LINE_LEN = NAME_LEN + TEXT_LEN + 100 /* as the room sends it */
};

/* Where in a command of telnet (RFC 854) the last byte was. */
enum telnet {
    TELNET_DATA,
    TELNET_IAC,
    TELNET_OPTION,
    TELNET_SB,
    TELNET_SB_IAC
};

/* Makes lines of what comes in pieces. */
struct reader {
    size_t limit; /* at most LINE_LEN */
    char line[LINE_LEN + 1];
    size_t len;
    bool is_too_long;
    enum telnet telnet;
};

/* True: with this byte the line is whole. */
bool read_byte(struct reader *reader, char c);
/* Ends the line, which becomes clean UTF-8, and no longer. */
void clean_line(struct reader *reader);
/* Begins the next one. */
void next_line(struct reader *reader);

#endif
