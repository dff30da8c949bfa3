/*
 * A directory as a page.
 */
#ifndef HTTPD_LISTING_H
#define HTTPD_LISTING_H

#include <stddef.h>

/* Bytes: a page of the longest names has some hundred of them. */
enum { LISTING_MAX = 256 * 1024 };

/* A page of the names in it, and of how many more there are when it is full, to
 * be freed; NULL: errno. */
char *list_directory(int directory, const char *path, size_t *len);

#endif
