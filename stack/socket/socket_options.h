/*
 * Inside the socket layer: options by level and name, in tables.
 */
#ifndef TAPIR_SOCKET_SOCKET_OPTIONS_H
#define TAPIR_SOCKET_SOCKET_OPTIONS_H

#include "socket/socket_kind.h"

/* One of Linux's that is read and written as an int. */
struct linux_option {
    int level;
    int name;
    int (*get)(struct socket *socket, int *out);  /* NULL: -ENOPROTOOPT */
    int (*set)(struct socket *socket, int value); /* NULL: -ENOPROTOOPT */
};

/* socket_options_linux.c; NULL: it is none. */
const struct linux_option *socket_find_linux_option(int level, int name);

/* One that is a truth: a bit of the settings' flags. */
struct flag_option {
    int level;
    int name;
    enum socket_flag flag;
};

/* socket_flags.c; NULL: it is none. */
const struct flag_option *socket_find_flag(int level, int name);
MUST_CHECK int socket_set_flag(struct socket *socket,
                               const struct flag_option *option, int value);

/*
 * One of Linux's that has no meaning here: what is said to whoever asks, 0:
 * that it is 0.
 */
struct refused_option {
    int level;
    int name;
    int get;
    int set;
};

/* socket_flags.c; NULL: it is none. */
const struct refused_option *socket_find_refused(int level, int name);

/*
 * Options that tell a struct, socket_structs.c. False: it is none of them;
 * otherwise the answer of getsockopt is in `out`.
 */
bool socket_get_struct(struct socket *socket, int level, int name, void *value,
                       size_t *len, int *out);

#endif
