/*
 * What runs a script of socket calls, line by line: see ../differential.test.
 * The same code over Tapir and, compiled with -DKERNEL, over the kernel.
 */
#ifndef DIFFERENTIAL_SCRIPT_H
#define DIFFERENTIAL_SCRIPT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#ifdef KERNEL
#define CALL(name) name
#else
#include <tapir.h>
#define CALL(name) tapir_##name
#endif

enum { TEXT_MAX = 4096, WORDS_MAX = 16, NAMES_MAX = 32, NAME_MAX_LEN = 15 };

/* What a line has to say, as it grows. */
struct text {
    char data[TEXT_MAX];
    size_t len;
};

void say(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A descriptor by the name that the script gave it. */
struct name {
    char text[NAME_MAX_LEN + 1];
    int fd;
    bool open;
};

struct script {
    struct name names[NAMES_MAX];
    int count;
    unsigned number;  /* of the script: it has ports of its own */
    unsigned written; /* bytes, so that no two writes are alike */
};

struct words {
    char *word[WORDS_MAX];
    int count;
};

/* ---- words.c: from text and to text -------------------------------------- */

/* Ends the process if the script is wrong. */
void script_wrong(const char *what, const char *word) __attribute__((noreturn));

/* "MSG_PEEK|MSG_DONTWAIT", "17", "-1" */
int constant_of(const char *word);
/* The word, or the default if there are not so many. */
int constant_at(const struct words *words, int at, int otherwise);

struct address {
    struct sockaddr_storage data;
    uint8_t beyond[1024]; /* zeros, for a length that is told too long */
    const struct sockaddr *pointer; /* NULL if the script says so */
    socklen_t len;
};

/*
 * "host:1": the first port of the script at the peer's side; also stack, any,
 * loop, nobody, broadcast, multicast, unspec, inet6, unix, null, none; "/8"
 * behind it is the length to be told.
 */
void address_of(const struct script *script, const char *word,
                struct address *out);
void say_address(const struct script *script, struct text *out,
                 const struct sockaddr_storage *addr);
void say_errno(struct text *out, int error);
void say_poll_events(struct text *out, int events);

/* ---- calls.c ------------------------------------------------------------- */

struct call_entry {
    const char *name;
    void (*function)(struct script *script, struct words *words,
                     struct text *out);
};

/* "= 3", "= -1 EBADF" */
void say_result(struct text *out, ssize_t result);
/* Bytes that no other call of the script writes; at most 128 KiB. */
uint8_t *bytes_to_write(struct script *script, size_t len);
size_t length_at(const struct words *words, int at);
/* A name that no call has made stands for no descriptor: -1. */
int fd_at(struct script *script, const struct words *words, int at);
void name_set(struct script *script, const char *text, int fd);

/* Executes one line and says what came of it. */
void script_call(struct script *script, char *line, struct text *out);
/* What poll says of each open socket. */
void script_ready(const struct script *script, struct text *out);
/* Closes all; `reset`: and forgets what was not yet said. */
void script_end(struct script *script, bool reset);
/* Installs the handlers of the signals that calls may meet. */
void calls_begin(void);

/* ---- structs.c ----------------------------------------------------------- */

extern const struct call_entry struct_calls[];
extern const size_t struct_call_count;

/* ---- make.c -------------------------------------------------------------- */

/* Writes so many scripts to standard output. */
void make_scripts(uint64_t seed, unsigned count);

#endif
