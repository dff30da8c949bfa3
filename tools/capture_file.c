#include "capture_file.h"

#include "capture_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A Section Header Block's type, the same in both byte orders. */
#define PCAPNG_MAGIC 0x0a0d0d0au

int capture_read(struct capture_file *file, void *out, size_t len)
{
    size_t got = fread(out, 1, len, file->stream);

    if (got == len)
        return 1;
    if (ferror(file->stream))
        return -EIO;
    return got == 0 ? 0 : -ENODATA;
}

int capture_read_rest(struct capture_file *file, void *out, size_t len)
{
    int r = len == 0 ? 1 : capture_read(file, out, len);

    return r == 0 ? -ENODATA : r;
}

/* A file that lies about a length costs no memory: the buffer grows with what
 * has been read. */
int capture_read_block(struct capture_file *file, size_t at, size_t len)
{
    enum { STEP = 65536 };

    while (len > 0) {
        size_t part = min_size(len, STEP);

        if (file->block_size < at + part) {
            uint8_t *larger = realloc(file->block, at + part);

            if (larger == NULL)
                return -ENOMEM;
            file->block = larger;
            file->block_size = at + part;
        }
        int r = capture_read_rest(file, file->block + at, part);
        if (r < 0)
            return r;
        at += part;
        len -= part;
    }
    return 1;
}

static int begin(struct capture_file *file)
{
    uint8_t magic[4];

    int r = capture_read(file, magic, sizeof(magic));
    if (r < 0 && r != -ENODATA)
        return r;
    if (r != 1)
        return -EBADMSG; /* too short for any capture */
    if (get_be32(magic) == PCAPNG_MAGIC)
        return capture_pcapng_begin(file);
    return capture_pcap_begin(file, magic);
}

int capture_file_open(const char *path, struct capture_file **out)
{
    struct capture_file *file = calloc(1, sizeof(*file));

    if (file == NULL)
        return -ENOMEM;
    file->stream = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    int r = file->stream == NULL ? -errno : begin(file);
    if (r < 0) {
        capture_file_close(file);
        return r;
    }
    *out = file;
    return 0;
}

int capture_file_next(struct capture_file *file, struct capture_record *out)
{
    if (file->error < 0)
        return file->error;

    int r = file->next(file, out);
    if (r == 1)
        out->number = ++file->count;
    else
        file->error = r;
    return r;
}

void capture_file_close(struct capture_file *file)
{
    if (file->stream != NULL && file->stream != stdin)
        fclose(file->stream);
    free(file->interfaces);
    free(file->block);
    free(file);
}
