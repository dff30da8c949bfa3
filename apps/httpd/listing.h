/*
 * A directory as a page.
 */
#ifndef HTTPD_LISTING_H
#define HTTPD_LISTING_H

#include <stddef.h>

/* A page of the names in it, to be freed; NULL: errno. */
char *list_directory(int directory, const char *path, size_t *len);

#endif
