/*
 * Telnet's commands are left out, and what is no text: see lines.h.
 */
#include "lines.h"

#include <stdint.h>
#include <string.h>

/* Telnet's commands are no text. 255 is in no UTF-8. */
static bool is_telnet(struct reader *reader, unsigned char c)
{
    enum { SE = 240, SB = 250, WILL = 251, DONT = 254, IAC = 255 };

    switch (reader->telnet) {
    case TELNET_DATA:
        if (c != IAC)
            return false;
        reader->telnet = TELNET_IAC;
        break;
    case TELNET_IAC:
        if (c == SB)
            reader->telnet = TELNET_SB;
        else
            reader->telnet =
                WILL <= c && c <= DONT ? TELNET_OPTION : TELNET_DATA;
        break;
    case TELNET_OPTION:
        reader->telnet = TELNET_DATA;
        break;
    case TELNET_SB:
        if (c == IAC)
            reader->telnet = TELNET_SB_IAC;
        break;
    case TELNET_SB_IAC:
        reader->telnet = c == SE ? TELNET_DATA : TELNET_SB;
        break;
    }
    return true;
}

bool read_byte(struct reader *reader, char c)
{
    if (is_telnet(reader, (unsigned char)c))
        return false;
    if (c == '\n')
        return true;
    if (reader->len < reader->limit)
        reader->line[reader->len++] = c;
    else if (c != '\r')
        reader->is_too_long = true;
    return false;
}

void next_line(struct reader *reader)
{
    reader->len = 0;
    reader->is_too_long = false;
}

/*
 * The length of the character at `c`, and which it is; 0: it is no UTF-8 as RFC
 * 3629 3 has it: too short, too long, a surrogate, or too large.
 */
static size_t decode_utf8(const unsigned char *c, size_t left, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = c[0] < 0x80   ? 1
                 : c[0] < 0xc0 ? 0
                 : c[0] < 0xe0 ? 2
                 : c[0] < 0xf0 ? 3
                 : c[0] < 0xf8 ? 4
                               : 0;

    if (len == 0 || len > left)
        return 0;
    *code = len == 1 ? c[0] : c[0] & (0x7fU >> len);
    for (size_t i = 1; i < len; i++) {
        if ((c[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (c[i] & 0x3f);
    }
    bool is_surrogate = 0xd800 <= *code && *code <= 0xdfff;
    return *code >= least[len] && *code <= 0x10ffff && !is_surrogate ? len : 0;
}

/* What would do something to a terminal, or make a line look like two, or like
 * another's: controls, line separators, directions of writing. */
static bool is_control(uint32_t code)
{
    return code < ' ' || (0x7f <= code && code < 0xa0) || code == 0x200e ||
           code == 0x200f || (0x2028 <= code && code <= 0x202e) ||
           (0x2066 <= code && code <= 0x2069);
}

void clean_line(struct reader *reader)
{
    const unsigned char *from = (const unsigned char *)reader->line;
    const unsigned char *end = from + reader->len;
    char *to = reader->line;

    while (from < end) {
        uint32_t code;
        size_t len = decode_utf8(from, (size_t)(end - from), &code);
        if (len == 0) {
            *to++ = '?';
            from++;
            continue;
        }
        if (code == '\t')
            *to++ = ' ';
        else if (!is_control(code))
            to = (char *)memmove(to, from, len) + len;
        from += len;
    }
    *to = '\0';
    reader->len = (size_t)(to - reader->line);
}
