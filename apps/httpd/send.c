/*
 * Short pieces are gathered, long ones of a file are lent: see send.h.
 */
#include "send.h"

#include <tapir.h>

#include <string.h>
#include <unistd.h>

enum {
    CHUNK_LEN = 65536,
    LENT_LEN = 4 * CHUNK_LEN /* in one turn */
};

bool answer_has_shrunk(const struct answer *answer)
{
    return answer->mapping != NULL &&
           mapping_has_shrunk(answer->mapping, answer->file);
}

/*
 * Long parts of a file are not copied: they go from the page cache to the
 * device as they lie there. As send(2); 0: the file has become shorter than was
 * promised.
 */
static ssize_t send_file_part(int fd, struct answer *answer, off_t from,
                              off_t left)
{
    static char chunk[CHUNK_LEN];
    size_t len = left < LENT_LEN ? (size_t)left : LENT_LEN;

    if (answer->mapping == NULL)
        answer->mapping = map_file(answer->file);
    if (answer_has_shrunk(answer))
        return 0;
    if (answer->mapping != NULL &&
        from + (off_t)len <= (off_t)answer->mapping->len)
        return lend_file_part(fd, answer->mapping, from, len);
    ssize_t got = pread(answer->file, chunk, CHUNK_LEN, from);
    return got <= 0 ? 0 : tapir_send(fd, chunk, (size_t)got, MSG_NOSIGNAL);
}

/* What is left of pieces that are short, as far as there is room: a small
 * answer is one write. */
static size_t gather(const struct answer *answer, char chunk[CHUNK_LEN])
{
    off_t skipped = answer->sent;
    size_t len = 0;

    for (unsigned i = answer->at; i < answer->count && len < CHUNK_LEN; i++) {
        const struct piece *piece = &answer->pieces[i];
        off_t left = piece->len - skipped;
        size_t room = CHUNK_LEN - len;
        size_t wanted = left < (off_t)room ? (size_t)left : room;

        if (piece->text != NULL) {
            memcpy(chunk + len, piece->text + skipped, wanted);
        } else {
            ssize_t got =
                pread(answer->file, chunk + len, wanted, piece->from + skipped);
            if (got < (ssize_t)wanted)
                return len + (got > 0 ? (size_t)got : 0);
        }
        len += wanted;
        skipped = 0;
    }
    return len;
}

/* Whether so many bytes are all that is left. */
static bool is_rest(const struct answer *answer, size_t len)
{
    off_t left = -answer->sent;

    for (unsigned i = answer->at; i < answer->count; i++)
        left += answer->pieces[i].len;
    return left == (off_t)len;
}

static ssize_t send_some(int fd, struct answer *answer)
{
    static char chunk[CHUNK_LEN];
    const struct piece *piece = &answer->pieces[answer->at];
    off_t left = piece->len - answer->sent;

    if (piece->text == NULL && left >= CHUNK_LEN)
        return send_file_part(fd, answer, piece->from + answer->sent, left);
    size_t len = gather(answer, chunk);
    /* The FIN goes with the last bytes, rather than after them: shutdown ends
     * what MSG_MORE begins. */
    int more = answer->closes && is_rest(answer, len) ? MSG_MORE : 0;
    return len == 0 ? 0 : tapir_send(fd, chunk, len, MSG_NOSIGNAL | more);
}

static void advance(struct answer *answer, off_t sent)
{
    answer->sent += sent;
    while (answer->at < answer->count &&
           answer->sent >= answer->pieces[answer->at].len)
        answer->sent -= answer->pieces[answer->at++].len;
}

ssize_t answer_send(struct answer *answer, int fd)
{
    ssize_t sent = send_some(fd, answer);

    if (sent > 0)
        advance(answer, sent);
    return sent;
}

bool answer_is_sent(const struct answer *answer)
{
    return answer->at == answer->count;
}
