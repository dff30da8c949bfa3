/*
 * A byte that no child inherits: see fork_mark.h.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS, MADV_WIPEONFORK */
#include "host/fork_mark.h"

#include <sys/mman.h>
#include <unistd.h>

/* A page, for that is what can be wiped; or NULL. */
static _Atomic uint8_t *create_byte(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return NULL;
    if (madvise(page, size, MADV_WIPEONFORK) == 0)
        return page;
    munmap(page, size);
    return NULL;
}

void fork_mark_set(struct fork_mark *mark)
{
    _Atomic uint8_t *byte = atomic_load(&mark->byte);

    if (byte == NULL)
        byte = create_byte();
    if (byte == NULL)
        return;
    atomic_store(byte, 1);
    atomic_store_explicit(&mark->byte, byte, memory_order_release);
}
