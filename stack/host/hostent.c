/*
 * gethostbyname and gethostbyaddr, as glibc has them.
 */
#define _GNU_SOURCE /* h_errno, NETDB_* */
#include "host/host.h"
#include "host/names.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Room that is laid out from its beginning. */
struct room {
    char *next;
    size_t left;
};

/* NULL: there is not so much left. */
static void *take(struct room *room, size_t size, size_t align)
{
    size_t gap = -(uintptr_t)room->next % align;
    char *taken = room->next + gap;

    if (room->left < gap || room->left - gap < size)
        return NULL;
    room->next = taken + size;
    room->left -= gap + size;
    return taken;
}

static char *take_text(struct room *room, const char *text)
{
    size_t size = strlen(text) + 1;
    char *taken = take(room, size, 1);

    return taken == NULL ? NULL : memcpy(taken, text, size);
}

static char **take_list(struct room *room, unsigned count)
{
    char **list = take(room, (count + 1) * sizeof(*list), _Alignof(char *));

    if (list != NULL)
        list[count] = NULL;
    return list;
}

static bool fill_aliases(const struct host_entry *entry, char **list,
                         struct room *room)
{
    const char *alias = entry->alias;

    for (unsigned i = 0; i < entry->alias_count; i++) {
        list[i] = take_text(room, alias);
        if (list[i] == NULL)
            return false;
        alias += strlen(alias) + 1;
    }
    return true;
}

static bool fill_addrs(const struct host_entry *entry, char **list,
                       struct room *room)
{
    struct in_addr *addrs = take(room, entry->addr_count * sizeof(*addrs),
                                 _Alignof(struct in_addr));

    for (unsigned i = 0; addrs != NULL && i < entry->addr_count; i++) {
        addrs[i].s_addr = htonl(entry->addr[i]);
        list[i] = (char *)&addrs[i];
    }
    return addrs != NULL;
}

/* 0; ERANGE: the room is too small. */
static int fill(const struct host_entry *entry, struct hostent *host,
                struct room room)
{
    char **addrs = take_list(&room, entry->addr_count);
    char **aliases = take_list(&room, entry->alias_count);
    char *name = take_text(&room, entry->name);

    if (addrs == NULL || aliases == NULL || name == NULL ||
        !fill_addrs(entry, addrs, &room) ||
        !fill_aliases(entry, aliases, &room))
        return ERANGE;
    *host = (struct hostent){
        .h_name = name,
        .h_aliases = aliases,
        .h_addrtype = AF_INET,
        .h_length = sizeof(struct in_addr),
        .h_addr_list = addrs,
    };
    return 0;
}

/* What the call returns for a result that is none, and *error, as glibc. */
static int fail(int eai, int *error)
{
    switch (eai) {
    case EAI_NONAME:
        *error = HOST_NOT_FOUND;
        return 0;
    case EAI_NODATA:
        *error = NO_DATA;
        return 0;
    case EAI_AGAIN:
        *error = TRY_AGAIN;
        return EAGAIN;
    case EAI_FAIL:
        *error = NO_RECOVERY;
        return 0;
    case EAI_MEMORY:
        *error = NETDB_INTERNAL;
        return ENOMEM;
    default:
        *error = NETDB_INTERNAL;
        return errno;
    }
}

static int answer(int eai, const struct host_entry *entry, struct hostent *host,
                  struct room room, struct hostent **result, int *error)
{
    int r;

    *result = NULL;
    if (eai != 0)
        return fail(eai, error);
    r = fill(entry, host, room);
    if (r != 0) {
        *error = NETDB_INTERNAL;
        errno = r;
        return r;
    }
    *error = NETDB_SUCCESS;
    *result = host;
    return 0;
}

static int find(const char *name, struct host_entry *entry)
{
    uint32_t addr;

    if (names_parse_addr(name, &addr) < 0)
        return names_find(NULL, name, entry);
    host_entry_init(entry);
    snprintf(entry->name, sizeof(entry->name), "%s", name);
    host_entry_add_addr(entry, addr);
    return 0;
}

int tapir_gethostbyname_r(const char *name, struct hostent *host, char *room,
                          size_t size, struct hostent **result, int *error)
{
    struct host_entry *entry = malloc(sizeof(*entry));
    int eai = entry == NULL ? EAI_MEMORY : find(name, entry);
    int r = answer(eai, entry, host, (struct room){room, size}, result, error);

    free(entry);
    return r;
}

int tapir_gethostbyaddr_r(const void *addr, socklen_t len, int family,
                          struct hostent *host, char *room, size_t size,
                          struct hostent **result, int *error)
{
    struct host_entry *entry;
    struct in_addr in;
    int eai;
    int r;

    *result = NULL;
    if (family != AF_INET || len != sizeof(in)) {
        *error = NETDB_INTERNAL;
        return EAFNOSUPPORT;
    }
    memcpy(&in, addr, sizeof(in));
    entry = malloc(sizeof(*entry));
    eai = entry == NULL ? EAI_MEMORY
                        : names_find_addr(NULL, ntohl(in.s_addr), entry);
    r = answer(eai, entry, host, (struct room){room, size}, result, error);
    free(entry);
    return r;
}

/* ---- The thread's own answer ------------------------------------------- */

/* What a whole host_entry takes, with the pointers to it. */
enum { OWN_ROOM = sizeof(struct host_entry) + 4096 };

struct own {
    struct hostent host;
    char room[OWN_ROOM];
};

static bool make_key(void)
{
    bool has_key;

    host_lock();
    if (!the_host.has_hostent_key)
        the_host.has_hostent_key =
            pthread_key_create(&the_host.hostent_key, free) == 0;
    has_key = the_host.has_hostent_key;
    host_unlock();
    return has_key;
}

/* It goes with the thread; NULL: no memory. */
static struct own *take_own(void)
{
    struct own *own;

    if (!make_key())
        return NULL;
    own = pthread_getspecific(the_host.hostent_key);
    if (own == NULL) {
        own = malloc(sizeof(*own));
        pthread_setspecific(the_host.hostent_key, own);
    }
    return own;
}

static struct hostent *no_memory(void)
{
    errno = ENOMEM;
    h_errno = NETDB_INTERNAL;
    return NULL;
}

static struct hostent *own_answer(struct hostent *result, int r, int error)
{
    if (result == NULL) {
        h_errno = error;
        errno = r != 0 ? r : errno;
    }
    return result;
}

struct hostent *tapir_gethostbyname(const char *name)
{
    struct own *mine = take_own();
    struct hostent *result;
    int error;
    int r;

    if (mine == NULL)
        return no_memory();
    r = tapir_gethostbyname_r(name, &mine->host, mine->room, sizeof(mine->room),
                              &result, &error);
    return own_answer(result, r, error);
}

struct hostent *tapir_gethostbyaddr(const void *addr, socklen_t len, int family)
{
    struct own *mine = take_own();
    struct hostent *result;
    int error;
    int r;

    if (mine == NULL)
        return no_memory();
    r = tapir_gethostbyaddr_r(addr, len, family, &mine->host, mine->room,
                              sizeof(mine->room), &result, &error);
    return own_answer(result, r, error);
}
