/*
 * Sending an answer, as far as there is room.
 */
#ifndef HTTPD_SEND_H
#define HTTPD_SEND_H

#include "answer.h"

/* One write. As send(2); 0: its file has become shorter than was promised. */
ssize_t answer_send(struct answer *answer, int fd);
/* All of it. */
bool answer_is_sent(const struct answer *answer);
/* What it has promised, and lent perhaps, is not there any more. */
bool answer_has_shrunk(const struct answer *answer);

#endif
