/*
 * Doubly linked lists whose links lie in the objects themselves. The head is
 * a node too; an empty list points to itself, so no operation has a special
 * case, and an object leaves its list without knowing which one it is in.
 */
#ifndef TAPIR_BASE_LIST_H
#define TAPIR_BASE_LIST_H

#include "base/bytes.h"

#include <stdbool.h>

struct list {
    struct list *next;
    struct list *prev;
};

/* For a head: the empty list. For a node: in no list. */
static inline void list_init(struct list *list)
{
    list->next = list;
    list->prev = list;
}

static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}

/* Whether a node that was initialised is now in some list. */
static inline bool list_is_linked(const struct list *node)
{
    return node->next != node;
}

static inline void list_append(struct list *head, struct list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

/* Takes a node out of its list, if it is in one; it may be linked again. */
static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* The first node, taken out; NULL from an empty list. */
static inline struct list *list_pop(struct list *head)
{
    struct list *first = head->next;

    if (first == head)
        return NULL;
    list_remove(first);
    return first;
}

/* Moves all nodes of `from` to the end of `to`; `from` is empty after. */
static inline void list_splice(struct list *to, struct list *from)
{
    if (list_is_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

#endif
