/*
 * From a path to a file under the root, and never out of it.
 */
#ifndef HTTPD_FILES_H
#define HTTPD_FILES_H

#include "request.h"

#include <sys/stat.h>

/* The directory that is served; ends the program if it is none. */
int open_root(const char *root);

/*
 * What the request is for: 200 and its descriptor, or another status. For a
 * directory it is its index.html, or the directory if there is none;
 * the path is completed by that.
 */
int open_file(int root, struct request *request, int *file, struct stat *facts);

/*
 * Files that were asked for stay open until this is called; a path then leads
 * to the file that is there.
 */
void forget_files(void);

/* By the name's end. */
const char *content_type(const char *path);

#endif
