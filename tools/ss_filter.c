#include "ss_filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- States -------------------------------------------------------------- */

static const struct {
    const char *rfc;
    const char *shown;
    const char *word; /* in a filter */
} states[FILTER_STATES] = {
    [FILTER_ESTABLISHED] = {"ESTABLISHED", "ESTAB", "established"},
    [FILTER_SYN_SENT] = {"SYN-SENT", "SYN-SENT", "syn-sent"},
    [FILTER_SYN_RECEIVED] = {"SYN-RECEIVED", "SYN-RECV", "syn-recv"},
    [FILTER_FIN_WAIT_1] = {"FIN-WAIT-1", "FIN-WAIT-1", "fin-wait-1"},
    [FILTER_FIN_WAIT_2] = {"FIN-WAIT-2", "FIN-WAIT-2", "fin-wait-2"},
    [FILTER_TIME_WAIT] = {"TIME-WAIT", "TIME-WAIT", "time-wait"},
    [FILTER_CLOSE_WAIT] = {"CLOSE-WAIT", "CLOSE-WAIT", "close-wait"},
    [FILTER_LAST_ACK] = {"LAST-ACK", "LAST-ACK", "last-ack"},
    [FILTER_LISTEN] = {"LISTEN", "LISTEN", "listening"},
    [FILTER_CLOSING] = {"CLOSING", "CLOSING", "closing"},
    [FILTER_CLOSED] = {"UNCONNECTED", "UNCONN", "closed"},
};

enum filter_state filter_state_of(const char *name)
{
    for (int i = 0; i < FILTER_STATES; i++)
        if (strcmp(states[i].rfc, name) == 0)
            return (enum filter_state)i;
    return FILTER_CLOSED;
}

const char *filter_state_text(enum filter_state state)
{
    return states[state].shown;
}

/* The sets of ss(8). 0: there is none of this name. */
static unsigned state_set(const char *word)
{
    enum {
        CLOSED = 1 << FILTER_CLOSED,
        LISTEN = 1 << FILTER_LISTEN,
        BUCKET = 1 << FILTER_SYN_RECEIVED | 1 << FILTER_TIME_WAIT,
        CONNECTED = FILTER_ALL_STATES & ~CLOSED & ~LISTEN
    };

    if (strcmp(word, "all") == 0)
        return FILTER_ALL_STATES;
    if (strcmp(word, "connected") == 0)
        return CONNECTED;
    if (strcmp(word, "synchronized") == 0)
        return CONNECTED & ~(1 << FILTER_SYN_SENT);
    if (strcmp(word, "bucket") == 0)
        return BUCKET;
    if (strcmp(word, "big") == 0)
        return FILTER_ALL_STATES & ~BUCKET;
    if (strcmp(word, "listen") == 0)
        return LISTEN;
    if (strcmp(word, "unconnected") == 0)
        return CLOSED;
    for (int i = 0; i < FILTER_STATES; i++)
        if (strcmp(states[i].word, word) == 0)
            return 1u << i;
    return 0;
}

/* ---- Parsing ------------------------------------------------------------- */

enum { WORDS_MAX = 256 };

struct parser {
    struct filter *filter;
    const char *words[WORDS_MAX];
    int count;
    int at;
    char *why;
};

static int complain(struct parser *parser, const char *what, const char *word)
{
    if (*parser->why == '\0')
        snprintf(parser->why, FILTER_WHY_MAX, "%s: '%.60s'", what, word);
    return -EINVAL;
}

/* How long the word at `text` is: an operator, or all up to one or a space. */
static size_t word_len(const char *text)
{
    static const char operators[] = "()!=<>&|";
    size_t len = strcspn(text, " \t\n()!=<>&|");

    if (len > 0)
        return len;
    if (strchr("()", *text) != NULL)
        return 1;
    return text[1] != '\0' && strchr("=&|", text[1]) != NULL &&
                   strchr(operators, *text) != NULL
               ? 2
               : 1;
}

static int split(struct parser *parser, const char *text)
{
    char *to = parser->filter->text;

    if (strlen(text) >= FILTER_TEXT_MAX)
        return complain(parser, "the filter is too long", "");
    for (text += strspn(text, " \t\n"); *text != '\0';
         text += strspn(text, " \t\n")) {
        size_t len = word_len(text);

        if (parser->count == WORDS_MAX)
            return complain(parser, "the filter is too long at", text);
        parser->words[parser->count++] = to;
        memcpy(to, text, len);
        to[len] = '\0';
        to += len + 1;
        text += len;
    }
    return 0;
}

static const char *peek(const struct parser *parser)
{
    return parser->at < parser->count ? parser->words[parser->at] : "";
}

static bool take(struct parser *parser, const char *word)
{
    if (strcmp(peek(parser), word) != 0)
        return false;
    parser->at++;
    return true;
}

/* The node's number, or -EINVAL. */
static int add(struct parser *parser, const struct filter_node *node)
{
    struct filter *filter = parser->filter;

    if (filter->count == FILTER_NODES_MAX)
        return complain(parser, "the filter is too long at", peek(parser));
    filter->nodes[filter->count] = *node;
    return (int)filter->count++;
}

/* A number, or a service's name. */
static int parse_port(struct parser *parser, const char *text, uint16_t *out)
{
    const struct servent *service;
    unsigned long number;
    char *end;

    number = strtoul(text, &end, 10);
    if (*text >= '0' && *text <= '9' && *end == '\0' && number <= UINT16_MAX) {
        *out = (uint16_t)number;
        return 0;
    }
    service = getservbyname(text, NULL);
    if (service == NULL)
        return complain(parser, "no such port", text);
    *out = ntohs((uint16_t)service->s_port);
    return 0;
}

static bool parse_op(const char *word, enum filter_op *out)
{
    static const struct {
        const char *word;
        enum filter_op op;
    } ops[] = {
        {"=", FILTER_EQ},   {"==", FILTER_EQ},  {"eq", FILTER_EQ},
        {"!=", FILTER_NE},  {"ne", FILTER_NE},  {"neq", FILTER_NE},
        {"<", FILTER_LT},   {"lt", FILTER_LT},  {"<=", FILTER_LE},
        {"le", FILTER_LE},  {"leq", FILTER_LE}, {">", FILTER_GT},
        {"gt", FILTER_GT},  {">=", FILTER_GE},  {"ge", FILTER_GE},
        {"geq", FILTER_GE},
    };

    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        if (strcmp(ops[i].word, word) == 0) {
            *out = ops[i].op;
            return true;
        }
    }
    return false;
}

/* [OP] :PORT */
static int parse_port_term(struct parser *parser, enum filter_kind kind)
{
    struct filter_node node = {.kind = kind, .op = FILTER_EQ};
    const char *word;

    if (parse_op(peek(parser), &node.op))
        parser->at++;
    word = peek(parser);
    if (*word == '\0')
        return complain(parser, "a port is missing after", "sport or dport");
    if (parse_port(parser, word + (*word == ':'), &node.port) < 0)
        return -EINVAL;
    parser->at++;
    return add(parser, &node);
}

static int parse_mask(struct parser *parser, const char *text, uint32_t *out)
{
    char *end;
    unsigned long len = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || len > 32)
        return complain(parser, "no prefix length", text);
    *out = len == 0 ? 0 : UINT32_MAX << (32 - len);
    return 0;
}

/* ADDR[/LEN][:PORT], or *:PORT, or :PORT */
static int parse_host(struct parser *parser, const char *word,
                      struct filter_node *node)
{
    char text[64];
    struct in_addr addr;
    char *port;
    char *len;

    if (strlen(word) >= sizeof(text))
        return complain(parser, "no address", word);
    strcpy(text, word);
    port = strchr(text, ':');
    if (port != NULL) {
        *port++ = '\0';
        node->has_port = true;
        if (parse_port(parser, port, &node->port) < 0)
            return -EINVAL;
    }
    if (*text == '\0' || strcmp(text, "*") == 0)
        return 0;
    len = strchr(text, '/');
    node->mask = UINT32_MAX;
    if (len != NULL) {
        *len++ = '\0';
        if (parse_mask(parser, len, &node->mask) < 0)
            return -EINVAL;
    }
    if (inet_pton(AF_INET, text, &addr) != 1)
        return complain(parser, "no IPv4 address", word);
    node->addr = ntohl(addr.s_addr);
    return 0;
}

/* [=|!=] HOST, or NAME of a device */
static int parse_host_term(struct parser *parser, enum filter_kind kind)
{
    struct filter_node node = {.kind = kind, .op = FILTER_EQ};

    if (parse_op(peek(parser), &node.op))
        parser->at++;
    if (*peek(parser) == '\0' || node.op > FILTER_NE)
        return complain(parser, "an address is missing at", peek(parser));
    if (kind == FILTER_DEVICE)
        node.device = peek(parser);
    else if (parse_host(parser, peek(parser), &node) < 0)
        return -EINVAL;
    parser->at++;
    return add(parser, &node);
}

static int parse_or(struct parser *parser);

static int parse_primary(struct parser *parser)
{
    int inner;

    if (take(parser, "(")) {
        inner = parse_or(parser);
        if (inner >= 0 && !take(parser, ")"))
            return complain(parser, "a ) is missing at", peek(parser));
        return inner;
    }
    if (take(parser, "src"))
        return parse_host_term(parser, FILTER_SRC);
    if (take(parser, "dst"))
        return parse_host_term(parser, FILTER_DST);
    if (take(parser, "dev"))
        return parse_host_term(parser, FILTER_DEVICE);
    if (take(parser, "sport"))
        return parse_port_term(parser, FILTER_SPORT);
    if (take(parser, "dport"))
        return parse_port_term(parser, FILTER_DPORT);
    return complain(parser, "not understood", peek(parser));
}

static int parse_not(struct parser *parser)
{
    struct filter_node node = {.kind = FILTER_NOT};
    int inner;

    if (!take(parser, "not") && !take(parser, "!"))
        return parse_primary(parser);
    inner = parse_not(parser);
    if (inner < 0)
        return inner;
    node.left = (uint8_t)inner;
    return add(parser, &node);
}

static int join(struct parser *parser, enum filter_kind kind, int left,
                int right)
{
    struct filter_node node = {.kind = kind};

    if (left < 0 || right < 0)
        return -EINVAL;
    node.left = (uint8_t)left;
    node.right = (uint8_t)right;
    return add(parser, &node);
}

static bool is_at_or(const struct parser *parser)
{
    const char *word = peek(parser);

    return strcmp(word, "or") == 0 || strcmp(word, "|") == 0 ||
           strcmp(word, "||") == 0;
}

/* `and` may be left out. */
static int parse_and(struct parser *parser)
{
    int left = parse_not(parser);

    while (left >= 0 && *peek(parser) != '\0' && !is_at_or(parser) &&
           strcmp(peek(parser), ")") != 0) {
        if (!take(parser, "and") && !take(parser, "&"))
            take(parser, "&&");
        left = join(parser, FILTER_AND, left, parse_not(parser));
    }
    return left;
}

static int parse_or(struct parser *parser)
{
    int left = parse_and(parser);

    while (left >= 0 && is_at_or(parser)) {
        parser->at++;
        left = join(parser, FILTER_OR, left, parse_and(parser));
    }
    return left;
}

/* state STATE, exclude STATE: any number of them, before the expression. */
static int parse_states(struct parser *parser)
{
    while (*peek(parser) != '\0') {
        bool is_excluded = take(parser, "exclude");
        unsigned set;

        if (!is_excluded && !take(parser, "state"))
            return 0;
        set = state_set(peek(parser));
        if (set == 0)
            return complain(parser, "no such state", peek(parser));
        parser->at++;
        if (!is_excluded)
            parser->filter->states |= set;
        else if (parser->filter->states == 0)
            parser->filter->states = FILTER_ALL_STATES & ~set;
        else
            parser->filter->states &= ~set;
    }
    return 0;
}

int filter_parse(const char *text, struct filter *out, char why[FILTER_WHY_MAX])
{
    struct parser parser = {.filter = out, .why = why};
    int root;

    out->states = 0;
    out->count = 0;
    *why = '\0';
    if (split(&parser, text) < 0 || parse_states(&parser) < 0)
        return -EINVAL;
    if (parser.at == parser.count)
        return 0;
    root = parse_or(&parser);
    if (root < 0)
        return -EINVAL;
    if (parser.at < parser.count)
        return complain(&parser, "not understood", peek(&parser));
    out->root = (unsigned)root;
    return 0;
}

/* ---- Matching ------------------------------------------------------------ */

static bool compare(enum filter_op op, uint16_t port, uint16_t with)
{
    switch (op) {
    case FILTER_EQ:
        return port == with;
    case FILTER_NE:
        return port != with;
    case FILTER_LT:
        return port < with;
    case FILTER_LE:
        return port <= with;
    case FILTER_GT:
        return port > with;
    case FILTER_GE:
        return port >= with;
    }
    return false;
}

static bool matches_host(const struct filter_node *node, uint32_t addr,
                         uint16_t port)
{
    bool is_it = (addr & node->mask) == (node->addr & node->mask) &&
                 (!node->has_port || port == node->port);

    return is_it == (node->op == FILTER_EQ);
}

static bool matches_device(const struct filter_node *node, const char *device)
{
    bool is_it = device != NULL && strcmp(device, node->device) == 0;

    return is_it == (node->op == FILTER_EQ);
}

/* A node's parts were added before it. */
static bool matches(const struct filter *filter, unsigned at,
                    const struct filter_socket *socket)
{
    const struct filter_node *node = &filter->nodes[at];

    switch (node->kind) {
    case FILTER_AND:
        return matches(filter, node->left, socket) &&
               matches(filter, node->right, socket);
    case FILTER_OR:
        return matches(filter, node->left, socket) ||
               matches(filter, node->right, socket);
    case FILTER_NOT:
        return !matches(filter, node->left, socket);
    case FILTER_SRC:
        return matches_host(node, socket->local, socket->local_port);
    case FILTER_DST:
        return matches_host(node, socket->remote, socket->remote_port);
    case FILTER_SPORT:
        return compare(node->op, socket->local_port, node->port);
    case FILTER_DPORT:
        return compare(node->op, socket->remote_port, node->port);
    case FILTER_DEVICE:
        return matches_device(node, socket->device);
    }
    return false;
}

bool filter_matches(const struct filter *filter,
                    const struct filter_socket *socket)
{
    return filter->count == 0 || matches(filter, filter->root, socket);
}
