/*
 * A directory as a page of HTML: its names may have any bytes, so each is
 * written as what it is to be there, text or part of a URL.
 */
#define _GNU_SOURCE /* scandirat */
#include "listing.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    NAME_ROOM = 8 * NAME_MAX, /* a name as a link and as text, and its size */
    PAGE_ROOM = LISTING_MAX - 2 * NAME_ROOM /* before the last that is listed */
};

/* As text of HTML. A name may have any bytes. */
static void print_html(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (strchr("&<>\"'", c) != NULL)
            fprintf(out, "&#%d;", c);
        else
            fputc(c < ' ' || c == 0x7f ? '?' : c, out);
    }
}

/* As a segment of a path, RFC 3986 2.3. */
static void print_url(FILE *out, const char *name)
{
    for (; *name != '\0'; name++) {
        unsigned char c = (unsigned char)*name;
        if (c < 0x80 && (isalnum(c) || strchr("-._~", c) != NULL))
            fputc(c, out);
        else
            fprintf(out, "%%%02X", c);
    }
}

/* A link is told of as what it is; to follow it may be refused. */
static void print_entry(FILE *out, int directory, const char *name)
{
    struct stat facts;
    const char *slash = "";

    if (fstatat(directory, name, &facts, AT_SYMLINK_NOFOLLOW) < 0)
        return; /* gone meanwhile */
    if (S_ISDIR(facts.st_mode))
        slash = "/";
    fprintf(out, "<li><a href=\"./");
    print_url(out, name);
    fprintf(out, "%s\">", slash);
    print_html(out, name);
    fprintf(out, "%s</a>", slash);
    if (S_ISREG(facts.st_mode))
        fprintf(out, " %lld", (long long)facts.st_size);
    fputc('\n', out);
}

static int is_listed(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

char *list_directory(int directory, const char *path, size_t *len)
{
    struct dirent **entries;
    char *page = NULL;
    int count = scandirat(directory, ".", &entries, is_listed, alphasort);
    int listed = 0;
    FILE *out = count >= 0 ? open_memstream(&page, len) : NULL;

    if (out != NULL) {
        fprintf(out, "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>/");
        print_html(out, path);
        fprintf(out, "</title>\n<h1>/");
        print_html(out, path);
        fprintf(out, "</h1>\n<ul>\n%s",
                *path != '\0' ? "<li><a href=\"../\">../</a>\n" : "");
        while (listed < count && ftell(out) < PAGE_ROOM)
            print_entry(out, directory, entries[listed++]->d_name);
        fprintf(out, "</ul>\n");
        if (listed < count)
            fprintf(out, "<p>and %d more\n", count - listed);
        if (fclose(out) != 0) {
            free(page);
            page = NULL;
        }
    }
    for (int i = 0; i < count; i++)
        free(entries[i]);
    if (count >= 0)
        free(entries);
    return page;
}
