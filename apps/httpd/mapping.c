/*
 * Lending a file's pages: see mapping.h.
 */
#include "mapping.h"

#include <tapir.h>

#include <err.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct mapping *map_file(int file)
{
    struct stat facts;
    struct mapping *mapping = malloc(sizeof(*mapping));

    if (mapping == NULL || fstat(file, &facts) < 0) {
        free(mapping);
        return NULL;
    }
    mapping->len = (size_t)facts.st_size;
    mapping->data = mmap(NULL, mapping->len, PROT_READ, MAP_SHARED, file, 0);
    if (mapping->data == MAP_FAILED) {
        free(mapping);
        return NULL;
    }
    atomic_init(&mapping->uses, 1);
    return mapping;
}

void unmap(void *arg)
{
    struct mapping *mapping = arg;

    if (atomic_fetch_sub(&mapping->uses, 1) > 1)
        return;
    munmap(mapping->data, mapping->len);
    free(mapping);
}

bool mapping_has_shrunk(const struct mapping *mapping, int file)
{
    struct stat facts;

    return fstat(file, &facts) < 0 || facts.st_size < (off_t)mapping->len;
}

static void on_bus_error(int signal_number, siginfo_t *info, void *context)
{
    uintptr_t page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t page = (uintptr_t)info->si_addr & ~(page_size - 1);

    (void)context;
    if (info->si_code != BUS_ADRERR ||
        mmap((void *)page, page_size, PROT_READ,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
        signal(signal_number, SIG_DFL); /* it comes again */
}

void survive_bus_errors(void)
{
    struct sigaction action = {.sa_sigaction = on_bus_error,
                               .sa_flags = SA_SIGINFO};

    if (sigaction(SIGBUS, &action, NULL) < 0)
        err(1, "SIGBUS");
}

ssize_t lend_file_part(int fd, struct mapping *mapping, off_t from, size_t len)
{
    atomic_fetch_add(&mapping->uses, 1);
    ssize_t lent = tapir_send_lend(fd, mapping->data + from, len, MSG_NOSIGNAL,
                                   unmap, mapping);
    if (lent <= 0)
        unmap(mapping);
    return lent;
}
