/*
 * Answers: what is to be sent, in pieces. How they are sent is in send.h.
 */
#ifndef HTTPD_ANSWER_H
#define HTTPD_ANSWER_H

#include "mapping.h"
#include "ranges.h"
#include "request.h"

#include <sys/stat.h>

/* What is served, and what that takes. */
struct site {
    int root;     /* the directory, a descriptor of the kernel's */
    size_t pages; /* bytes of listings that are on their way */
};

/* Consecutive bytes of an answer. */
struct piece {
    const char *text; /* NULL: of the file */
    off_t from, len;
};

/* The head, and what follows: a text, a file, or parts of one. */
struct answer {
    char text[TARGET_MAX + 4096];
    size_t text_len;
    size_t text_cut; /* so much of it is in pieces */
    struct piece pieces[2 * RANGES_MAX + 2];
    unsigned count, at;      /* of the pieces; the one that is being sent */
    off_t sent;              /* of that one */
    int file;                /* a descriptor of the kernel's, -1: none */
    struct mapping *mapping; /* NULL: there was no need of it */
    char *page;              /* text that is not in `text`, NULL: none */
    size_t page_len;
    struct site *site; /* which counts it */
    bool closes;       /* it says that it is the connection's last */
};

/* An empty one, the last; NULL: there is no memory. */
struct answer *answer_create(void);
/* Closes its file, too. NULL is no harm. */
void answer_destroy(struct answer *answer);

/* Each of these makes all of an empty answer. */

/* Anything but a file. `file_len` is told with 416 only. */
void answer_status(struct answer *answer, const struct request *request,
                   int status, off_t file_len);
/* HEAD is not told its length (RFC 9110 9.3.2): no page is made for that. 503
 * while all that are on their way take too much. */
void answer_listing(struct answer *answer, const struct request *request,
                    int directory, struct site *site);
/* RFC 9110 13.2.2: the conditions first, then the ranges, which only GET has
 * (14.2). The file is the answer's from now on. */
void answer_file(struct answer *answer, const struct request *request, int file,
                 const struct stat *facts);

#endif
