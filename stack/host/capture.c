/*
 * Which recorder: see capture.h.
 */
#include "host/capture.h"

#include "netdev/pcap.h"

#include <errno.h>

static bool is_pcapng(const char *path)
{
    static const char end[] = ".pcapng";
    size_t len = strlen(path);

    return len >= strlen(end) && strcmp(path + len - strlen(end), end) == 0;
}

static void say_of_received(void *context, const char *text)
{
    pcapng_say_of_received(context, text);
}

static void say_of_next(void *context, const char *text)
{
    pcapng_say_of_next(context, text);
}

/* The recorder, and who tells it what becomes of each frame. */
static int around_with_story(struct capture_dev *captured,
                             struct memory *memory, const char *path,
                             const char *interface, usec epoch)
{
    struct pcapng_story *story = memory_alloc(memory, sizeof(*story));
    struct pcapng_config config = {
        .interface = interface,
        .application = "Tapir",
        .epoch = epoch,
        .count = pcapng_story_count,
        .context = story,
    };
    int r = story == NULL ? -ENOBUFS
                          : pcapng_create(memory, captured->dev, path, &config,
                                          &captured->dev);

    if (r < 0) {
        memory_free(memory, story, sizeof(*story));
        return r;
    }
    pcapng_story_init(story, &(struct pcapng_teller){
                                 .of_received = say_of_received,
                                 .of_next = say_of_next,
                                 .context = captured->dev,
                             });
    captured->story = story;
    return 0;
}

int capture_around(struct capture_dev *captured, struct memory *memory,
                   const char *path, const char *interface, usec epoch)
{
    if (path == NULL || *path == '\0')
        return 0;
    if (is_pcapng(path))
        return around_with_story(captured, memory, path, interface, epoch);
    return pcap_create(memory, captured->dev, path, epoch, &captured->dev);
}

bool capture_is_complete(const struct capture_dev *captured)
{
    return captured->story != NULL ? pcapng_is_complete(captured->dev)
                                   : pcap_is_complete(captured->dev);
}

void capture_close(const struct capture_dev *captured, struct memory *memory)
{
    netdev_close(captured->dev);
    memory_free(memory, captured->story, sizeof(*captured->story));
}
