/*
 * With what a connection begins, where that was told instead of chosen: the
 * ISS (RFC 6528) and the clock of the timestamps (RFC 7323 5.4). A capture can
 * only be replayed by a stack that counts as the captured one did, since what
 * its peer acknowledges are those numbers.
 */
#ifndef TAPIR_TCP_TOLD_H
#define TAPIR_TCP_TOLD_H

#include "tcp/tcp_ends.h"

struct tcp;

/*
 * From now on a connection between these ends begins at `iss`, and its
 * timestamps go on from `ts_val`; whatever was told before of these ends is
 * forgotten. -ENOBUFS; -EISCONN: such a connection is at rest.
 */
MUST_CHECK int tcp_tell(struct tcp *tcp, const struct tcp_ends *ends,
                        tcp_seq iss, uint32_t ts_val);

/* False: nothing was told, and *iss stays as it is. */
bool tcp_told_iss(const struct tcp *tcp, const struct tcp_ends *ends,
                  tcp_seq *iss);
/* What is added to the clock; false likewise. */
bool tcp_told_offset(const struct tcp *tcp, const struct tcp_ends *ends,
                     uint32_t *offset);

MUST_CHECK int tcp_told_init(struct tcp *tcp);
void tcp_told_fini(struct tcp *tcp);

#endif
