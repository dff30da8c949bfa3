#include "ip/source_filter.h"

static unsigned index_of(const struct source_list *list,
                         const struct ip_addr *source)
{
    unsigned i = 0;

    while (i < list->count && !ip_addr_equal(&list->addrs[i], source))
        i++;
    return i;
}

bool source_list_has(const struct source_list *list,
                     const struct ip_addr *source)
{
    return index_of(list, source) < list->count;
}

bool source_list_add(struct source_list *list, const struct ip_addr *source)
{
    if (source_list_has(list, source))
        return true;
    if (list->count == SOURCES_MAX)
        return false;
    list->addrs[list->count++] = *source;
    return true;
}

bool source_list_remove(struct source_list *list, const struct ip_addr *source)
{
    unsigned i = index_of(list, source);

    if (i == list->count)
        return false;
    list->count--;
    for (; i < list->count; i++)
        list->addrs[i] = list->addrs[i + 1];
    return true;
}

struct source_list source_list_minus(const struct source_list *a,
                                     const struct source_list *b)
{
    struct source_list left = {0};

    for (unsigned i = 0; i < a->count; i++)
        if (!source_list_has(b, &a->addrs[i]))
            left.addrs[left.count++] = a->addrs[i];
    return left;
}

static bool add_all(struct source_list *to, const struct source_list *from)
{
    for (unsigned i = 0; i < from->count; i++)
        if (!source_list_add(to, &from->addrs[i]))
            return false;
    return true;
}

static struct source_list intersection(const struct source_list *a,
                                       const struct source_list *b)
{
    struct source_list only_a = source_list_minus(a, b);

    return source_list_minus(a, &only_a);
}

bool source_filter_allows(const struct source_filter *filter,
                          const struct ip_addr *source)
{
    return source_list_has(&filter->sources, source) != filter->excludes;
}

bool source_filter_equal(const struct source_filter *a,
                         const struct source_filter *b)
{
    return a->excludes == b->excludes && a->sources.count == b->sources.count &&
           source_list_minus(&a->sources, &b->sources).count == 0;
}

void source_filter_merge(struct source_filter *whole,
                         const struct source_filter *more)
{
    struct source_list had = whole->sources;

    if (whole->excludes && more->excludes) {
        whole->sources = intersection(&had, &more->sources);
    } else if (whole->excludes) {
        whole->sources = source_list_minus(&had, &more->sources);
    } else if (more->excludes) {
        whole->sources = source_list_minus(&more->sources, &had);
        whole->excludes = true;
    } else if (!add_all(&whole->sources, &more->sources)) {
        *whole = (struct source_filter){.excludes = true};
    }
}
