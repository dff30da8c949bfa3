/*
 * resolv.conf(5): nameserver, domain, search, options. Left out on purpose:
 * sortlist, servers of IPv6, and options that are other resolvers' own.
 */
#include "host/resolv_conf.h"

#include "base/addr.h"

#include <string.h>

static const char between[] = " \t\r\n";

void resolv_conf_init(struct resolv_conf *conf)
{
    *conf = (struct resolv_conf){.ndots = 1, .timeout = 5, .attempts = 2};
}

/* The next word at *at, which then stands behind it; its length, 0: none. */
static size_t next_word(const char **at, const char **word)
{
    size_t len;

    *at += strspn(*at, between);
    len = strcspn(*at, between);
    *word = *at;
    *at += len;
    return len;
}

void resolv_conf_set_search(struct resolv_conf *conf, const char *domains)
{
    size_t used = 0;
    const char *word;
    size_t len;

    conf->has_search = true;
    conf->search_count = 0;
    while ((len = next_word(&domains, &word)) > 0 &&
           conf->search_count < RESOLV_SEARCH_MAX &&
           used + len < RESOLV_SEARCH_TEXT_MAX) {
        char *domain = conf->search_text + used;

        memcpy(domain, word, len);
        domain[len] = '\0';
        conf->search[conf->search_count++] = domain;
        used += len + 1;
    }
}

/* The number of "ndots:2", at most `max`; false: it is another option. */
static bool take_number(const char *word, size_t len, const char *option,
                        unsigned max, unsigned *out)
{
    size_t skip = strlen(option);
    unsigned value = 0;

    if (len <= skip || strncmp(word, option, skip) != 0)
        return false;
    for (size_t i = skip; i < len; i++) {
        if (word[i] < '0' || word[i] > '9')
            return false;
        value = min_u32(value * 10 + (unsigned)(word[i] - '0'), max);
    }
    *out = value;
    return true;
}

static bool is_word(const char *word, size_t len, const char *option)
{
    return len == strlen(option) && strncmp(word, option, len) == 0;
}

static void set_option(struct resolv_conf *conf, const char *word, size_t len)
{
    if (take_number(word, len, "ndots:", RESOLV_NDOTS_MAX, &conf->ndots))
        return;
    if (take_number(word, len, "timeout:", RESOLV_TIMEOUT_MAX, &conf->timeout))
        conf->timeout = max_u32(conf->timeout, 1);
    else if (take_number(word, len, "attempts:", RESOLV_ATTEMPTS_MAX,
                         &conf->attempts))
        conf->attempts = max_u32(conf->attempts, 1);
    else if (is_word(word, len, "rotate"))
        conf->rotate = true;
    else if (is_word(word, len, "use-vc"))
        conf->use_tcp = true;
    else if (is_word(word, len, "no-edns0"))
        conf->no_edns = true;
}

void resolv_conf_set_options(struct resolv_conf *conf, const char *words)
{
    const char *word;
    size_t len;

    while ((len = next_word(&words, &word)) > 0)
        set_option(conf, word, len);
}

static void add_server(struct resolv_conf *conf, const char *words)
{
    char text[IP_ADDR_TEXT_MAX];
    const char *word;
    size_t len = next_word(&words, &word);
    struct ip_addr addr;

    if (len >= sizeof(text) || conf->server_count == RESOLV_SERVERS_MAX)
        return;
    memcpy(text, word, len);
    text[len] = '\0';
    if (ip_addr_parse(text, &addr) == 0 && ip_addr_is_v4(&addr))
        conf->server[conf->server_count++] = ip_addr_to_v4(&addr);
}

/* Of `domain` one word counts; the last of `domain` and `search` holds. */
static void set_domain(struct resolv_conf *conf, char *words)
{
    words += strspn(words, between);
    words[strcspn(words, between)] = '\0';
    resolv_conf_set_search(conf, words);
}

/* A comment, after # or ;, begins with no word that is known. */
static void take_line(struct resolv_conf *conf, char *line)
{
    const char *rest = line;
    const char *word;
    size_t len;

    len = next_word(&rest, &word);
    if (is_word(word, len, "nameserver"))
        add_server(conf, rest);
    else if (is_word(word, len, "domain"))
        set_domain(conf, line + (rest - line));
    else if (is_word(word, len, "search"))
        resolv_conf_set_search(conf, rest);
    else if (is_word(word, len, "options"))
        resolv_conf_set_options(conf, rest);
}

void resolv_conf_parse(struct resolv_conf *conf, const char *text)
{
    enum { LINE_MAX_LEN = 1024 };
    char line[LINE_MAX_LEN];

    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        size_t kept = min_size(len, sizeof(line) - 1);

        memcpy(line, text, kept);
        line[kept] = '\0';
        take_line(conf, line);
        text += len;
        text += *text == '\n';
    }
}
