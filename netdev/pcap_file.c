/*
 * The file that a recorder writes: see pcap_file.h.
 */
#include "netdev/pcap_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* By open(2) and not by fopen(3): under the preload shim, what the library
 * opens for itself has a number out of the program's way. */
int pcap_file_open(struct pcap_file *out, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

    if (fd < 0)
        return -errno;
    *out = (struct pcap_file){.file = fdopen(fd, "w")};
    if (out->file == NULL) {
        close(fd);
        return -ENOMEM;
    }
    return 0;
}

void pcap_file_write(struct pcap_file *out, const void *data, size_t len)
{
    if (!out->has_failed && fwrite(data, 1, len, out->file) != len)
        out->has_failed = true;
    out->unwritten = true;
}

void pcap_file_flush(struct pcap_file *out)
{
    if (!out->unwritten)
        return;
    if (fflush(out->file) != 0)
        out->has_failed = true;
    out->unwritten = false;
}

int pcap_file_fd(const struct pcap_file *out)
{
    return fileno(out->file);
}

void pcap_file_close(struct pcap_file *out)
{
    fclose(out->file);
}
