/*
 * Whether a library can be put before a program by LD_PRELOAD (ld.so(8)). The
 * dynamic linker does that, so there must be one (PT_INTERP); it does not for
 * programs that gain rights; and it must be libc whose functions the program
 * calls.
 */
#define _GNU_SOURCE
#include "tapir_program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { SCRIPTS_MAX = 4 }; /* of scripts that interpret scripts */

/* ---- Finding it ---------------------------------------------------------- */

static int try(const char *path)
{
    struct stat status;

    if (stat(path, &status) < 0)
        return -ENOENT;
    return S_ISREG(status.st_mode) && access(path, X_OK) == 0 ? 0 : -EACCES;
}

int program_find(const char *name, char path[PROGRAM_PATH_MAX])
{
    const char *dir = getenv("PATH");
    int error = -ENOENT;

    if (strchr(name, '/') != NULL) {
        snprintf(path, PROGRAM_PATH_MAX, "%s", name);
        return try(path);
    }
    for (dir = dir != NULL ? dir : "/bin:/usr/bin"; dir != NULL;
         dir = *dir == ':' ? dir + 1 : NULL) {
        int len = (int)strcspn(dir, ":");

        snprintf(path, PROGRAM_PATH_MAX, "%.*s/%s", len, len > 0 ? dir : ".",
                 name);
        dir += len;
        if (try(path) == 0)
            return 0;
        if (try(path) == -EACCES)
            error = -EACCES;
    }
    return error;
}

/* ---- What is in it ------------------------------------------------------- */

/* A file in memory. */
struct image {
    const unsigned char *data;
    size_t size;
};

static int image_open(const char *path, struct image *image)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    void *data = MAP_FAILED;

    if (fd >= 0 && fstat(fd, &status) == 0 && status.st_size > 0)
        data =
            mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (fd >= 0)
        close(fd);
    if (data == MAP_FAILED)
        return -errno;
    *image = (struct image){.data = data, .size = (size_t)status.st_size};
    return 0;
}

static void image_close(struct image *image)
{
    munmap((void *)(uintptr_t)image->data, image->size);
}

/* `size` bytes at `offset`; NULL where the file has ended before. */
static const void *image_at(const struct image *image, uint64_t offset,
                            uint64_t size)
{
    if (offset > image->size || size > image->size - offset)
        return NULL;
    return image->data + offset;
}

/* A text in the file; "" where it does not end. */
static const char *image_text(const struct image *image, uint64_t offset)
{
    const char *text = image_at(image, offset, 1);

    if (text == NULL ||
        memchr(text, '\0', image->size - (size_t)offset) == NULL)
        return "";
    return text;
}

static const ElfW(Phdr) *
    find_segment(const struct image *image, ElfW(Word) type)
{
    const ElfW(Ehdr) *header = image_at(image, 0, sizeof(*header));

    for (unsigned i = 0; header != NULL && i < header->e_phnum; i++) {
        const ElfW(Phdr) *segment = image_at(
            image, header->e_phoff + i * sizeof(*segment), sizeof(*segment));

        if (segment != NULL && segment->p_type == type)
            return segment;
    }
    return NULL;
}

/* Where in the file an address of the program is; UINT64_MAX: nowhere. */
static uint64_t offset_of(const struct image *image, ElfW(Addr) address)
{
    const ElfW(Ehdr) *header = image_at(image, 0, sizeof(*header));

    for (unsigned i = 0; i < header->e_phnum; i++) {
        const ElfW(Phdr) *segment = image_at(
            image, header->e_phoff + i * sizeof(*segment), sizeof(*segment));

        if (segment != NULL && segment->p_type == PT_LOAD &&
            address >= segment->p_vaddr &&
            address - segment->p_vaddr < segment->p_filesz)
            return address - segment->p_vaddr + segment->p_offset;
    }
    return UINT64_MAX;
}

/* The value of a dynamic entry, the first one after *at. */
static bool find_dynamic(const struct image *image, ElfW(Sxword) tag,
                         size_t *at, ElfW(Xword) * value)
{
    const ElfW(Phdr) *dynamic = find_segment(image, PT_DYNAMIC);

    while (dynamic != NULL && *at < dynamic->p_filesz / sizeof(ElfW(Dyn))) {
        const ElfW(Dyn) *entry = image_at(
            image, dynamic->p_offset + *at * sizeof(*entry), sizeof(*entry));

        ++*at;
        if (entry == NULL || entry->d_tag == DT_NULL)
            return false;
        if (entry->d_tag == tag) {
            *value = entry->d_un.d_val;
            return true;
        }
    }
    return false;
}

static bool needs_glibc(const struct image *image)
{
    size_t at = 0;
    ElfW(Xword) strings;
    ElfW(Xword) name;

    if (!find_dynamic(image, DT_STRTAB, &at, &strings))
        return false;
    at = 0;
    while (find_dynamic(image, DT_NEEDED, &at, &name)) {
        uint64_t table = offset_of(image, strings);

        if (table != UINT64_MAX &&
            strcmp(image_text(image, table + name), "libc.so.6") == 0)
            return true;
    }
    return false;
}

/* Go's compiler leaves a section by which it is known. */
static bool is_go(const struct image *image)
{
    const ElfW(Ehdr) *header = image_at(image, 0, sizeof(*header));
    const ElfW(Shdr) *sections = image_at(
        image, header->e_shoff, (uint64_t)header->e_shnum * sizeof(*sections));

    if (sections == NULL || header->e_shstrndx >= header->e_shnum)
        return false;
    for (unsigned i = 0; i < header->e_shnum; i++) {
        const char *name =
            image_text(image, sections[header->e_shstrndx].sh_offset +
                                  sections[i].sh_name);

        if (strcmp(name, ".go.buildinfo") == 0)
            return true;
    }
    return false;
}

/* NULL: nothing stands in the way. */
static const char *what_stands_in_the_way(const struct image *image)
{
    const ElfW(Ehdr) *header = image_at(image, 0, sizeof(*header));

    if (header == NULL || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return NULL; /* execve(2) will say what it thinks of it */
    if (header->e_ident[EI_CLASS] !=
        (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32))
        return "is for another kind of machine";
    if (find_segment(image, PT_INTERP) == NULL)
        return "is statically linked: no library can be put before it";
    if (is_go(image))
        return "is a Go program: it calls the kernel itself, not libc";
    if (!needs_glibc(image))
        return "does not use libc.so.6: it calls the kernel itself";
    return NULL;
}

/* AT_SECURE of getauxval(3): the dynamic linker then takes no libraries. */
static const char *what_right_it_gains(const char *path)
{
    struct stat status;

    if (stat(path, &status) < 0)
        return NULL;
    if ((status.st_mode & S_ISUID) != 0 && status.st_uid != getuid())
        return "is set-user-ID: LD_PRELOAD is not for such programs";
    if ((status.st_mode & S_ISGID) != 0 && status.st_gid != getgid())
        return "is set-group-ID: LD_PRELOAD is not for such programs";
    if (getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0)
        return "has capabilities: LD_PRELOAD is not for such programs";
    return NULL;
}

/* "#!/usr/bin/python3 -u": whether it is a script, and its interpreter. */
static bool is_script(const struct image *image, char path[PROGRAM_PATH_MAX])
{
    char line[PROGRAM_PATH_MAX];
    char *rest;
    char *first;
    char *second;

    if (image->size < 2 || memcmp(image->data, "#!", 2) != 0)
        return false;
    snprintf(line, sizeof(line), "%.*s", (int)image->size - 2,
             (const char *)image->data + 2);
    line[strcspn(line, "\n")] = '\0';
    first = strtok_r(line, " \t", &rest);
    second = strtok_r(NULL, " \t", &rest);
    if (first == NULL)
        return false;
    /* env finds the interpreter, and it, too, is started with the shim. */
    if (second != NULL && strcmp(first, "/usr/bin/env") == 0 &&
        program_find(second, path) == 0)
        return true;
    snprintf(path, PROGRAM_PATH_MAX, "%s", first);
    return true;
}

int program_check_preload(const char *path, char why[PROGRAM_WHY_MAX])
{
    char current[PROGRAM_PATH_MAX];
    char next[PROGRAM_PATH_MAX];
    const char *obstacle = what_right_it_gains(path);

    snprintf(current, sizeof(current), "%s", path);
    for (int i = 0; i < SCRIPTS_MAX && obstacle == NULL; i++) {
        struct image image;
        bool is_last;

        if (image_open(current, &image) < 0)
            return 0;
        is_last = !is_script(&image, next);
        if (is_last)
            obstacle = what_stands_in_the_way(&image);
        image_close(&image);
        if (is_last)
            break;
        snprintf(current, sizeof(current), "%s", next);
    }
    if (obstacle == NULL)
        return 0;
    snprintf(why, PROGRAM_WHY_MAX, "%.400s %s", current, obstacle);
    return -EINVAL;
}
