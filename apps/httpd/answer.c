/*
 * Writing the heads of answers, and what belongs to them: see answer.h.
 */
#include "answer.h"
#include "conditions.h"
#include "files.h"
#include "listing.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define LISTING_TYPE "text/html; charset=utf-8"

enum { PAGES_MAX = 16 << 20 /* bytes of listings, of all connections */ };

struct answer *answer_create(void)
{
    struct answer *answer = malloc(sizeof(*answer));

    if (answer == NULL)
        return NULL;
    answer->text_len = answer->text_cut = 0;
    answer->count = answer->at = 0;
    answer->sent = 0;
    answer->file = -1;
    answer->mapping = NULL;
    answer->page = NULL;
    answer->closes = true;
    return answer;
}

void answer_destroy(struct answer *answer)
{
    if (answer == NULL)
        return;
    if (answer->file >= 0)
        close(answer->file);
    if (answer->mapping != NULL)
        unmap(answer->mapping);
    if (answer->page != NULL)
        answer->site->pages -= answer->page_len;
    free(answer->page);
    free(answer);
}

/* ---- Heads ------------------------------------------------------------- */

static const char *reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {{200, "OK"},
                   {206, "Partial Content"},
                   {301, "Moved Permanently"},
                   {304, "Not Modified"},
                   {400, "Bad Request"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {408, "Request Timeout"},
                   {412, "Precondition Failed"},
                   {413, "Content Too Large"},
                   {414, "URI Too Long"},
                   {416, "Range Not Satisfiable"},
                   {417, "Expectation Failed"},
                   {431, "Request Header Fields Too Large"},
                   {501, "Not Implemented"},
                   {503, "Service Unavailable"},
                   {505, "HTTP Version Not Supported"}};

    for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Internal Server Error";
}

__attribute__((format(printf, 2, 3))) static void
append(struct answer *answer, const char *format, ...)
{
    size_t room = sizeof(answer->text) - answer->text_len;
    va_list arguments;

    va_start(arguments, format);
    int len =
        vsnprintf(answer->text + answer->text_len, room, format, arguments);
    va_end(arguments);
    answer->text_len += (size_t)len < room ? (size_t)len : room - 1;
}

/* The usual answer is put together of these: printf reads its format anew each
 * time, which was a quarter of all that a small answer cost. */
static void append_text(struct answer *answer, const char *text)
{
    size_t room = sizeof(answer->text) - 1 - answer->text_len;
    size_t len = strnlen(text, room);

    memcpy(answer->text + answer->text_len, text, len);
    answer->text_len += len;
    answer->text[answer->text_len] = '\0';
}

/* "Name: value" and the line's end. */
static void append_field(struct answer *answer, const char *name,
                         const char *value)
{
    append_text(answer, name);
    append_text(answer, ": ");
    append_text(answer, value);
    append_text(answer, "\r\n");
}

static void append_date(struct answer *answer, const char *name, time_t time)
{
    char text[DATE_LEN];

    print_date(text, time);
    append_field(answer, name, text);
}

static void append_length(struct answer *answer, off_t len)
{
    char text[24]; /* a number of 64 bits */
    char *at = text + sizeof(text);

    *--at = '\0';
    do {
        *--at = (char)('0' + len % 10);
        len /= 10;
    } while (len > 0);
    append_field(answer, "Content-Length", at);
}

static void add_piece(struct answer *answer, const char *text, off_t from,
                      off_t len)
{
    if (len > 0)
        answer->pieces[answer->count++] =
            (struct piece){.text = text, .from = from, .len = len};
}

/* What was appended since the last time is the next piece. */
static void add_text(struct answer *answer)
{
    add_piece(answer, answer->text + answer->text_cut, 0,
              (off_t)(answer->text_len - answer->text_cut));
    answer->text_cut = answer->text_len;
}

static void begin_answer(struct answer *answer, int status)
{
    if (status == 200)
        append_text(answer, "HTTP/1.1 200 OK\r\n");
    else
        append(answer, "HTTP/1.1 %d %s\r\n", status, reason(status));
    append_date(answer, "Date", time(NULL));
    append_field(answer, "Connection", answer->closes ? "close" : "keep-alive");
}

/* RFC 9110 15.4.5 and 15.3.7 want these in a 304 and a 206, too. */
static void append_validators(struct answer *answer,
                              const struct validators *validators)
{
    append_date(answer, "Last-Modified", validators->modified);
    append_field(answer, "ETag", validators->tag);
    append_field(answer, "Accept-Ranges", "bytes");
}

/* What stands before a part of several, RFC 9110 14.6. Its length. */
static int print_part(char *to, size_t room, const char *boundary,
                      const char *type, const struct range *range,
                      off_t file_len)
{
    return snprintf(to, room,
                    "\r\n--%s\r\nContent-Type: %s\r\n"
                    "Content-Range: bytes %lld-%lld/%lld\r\n\r\n",
                    boundary, type, (long long)range->first,
                    (long long)range->last, (long long)file_len);
}

/* Several ranges: the head's end, and each part after its own head. */
static void add_parts(struct answer *answer, const struct ranges *ranges,
                      const char *type, off_t file_len)
{
    enum { PART_HEAD_MAX = 256 };
    char head[PART_HEAD_MAX];
    char boundary[32];
    uint64_t random = 0;

    /* It must not be in the file: who writes that must not know it before. */
    (void)getrandom(&random, sizeof(random), 0);
    snprintf(boundary, sizeof(boundary), "part-%016llx",
             (unsigned long long)random);
    off_t len = (off_t)(strlen("\r\n----\r\n") + strlen(boundary));
    for (unsigned i = 0; i < ranges->count; i++) {
        const struct range *range = &ranges->list[i];
        len += range->last - range->first + 1;
        len += print_part(head, sizeof(head), boundary, type, range, file_len);
    }
    append(answer,
           "Content-Type: multipart/byteranges; boundary=%s\r\n"
           "Content-Length: %lld\r\n\r\n",
           boundary, (long long)len);
    for (unsigned i = 0; i < ranges->count; i++) {
        const struct range *range = &ranges->list[i];
        print_part(head, sizeof(head), boundary, type, range, file_len);
        append(answer, "%s", head);
        add_text(answer);
        add_piece(answer, NULL, range->first, range->last - range->first + 1);
    }
    append(answer, "\r\n--%s--\r\n", boundary);
    add_text(answer);
}

static void answer_parts(struct answer *answer, const struct request *request,
                         const struct validators *validators,
                         const struct ranges *ranges, off_t file_len)
{
    const struct range *only = &ranges->list[0];
    const char *type = content_type(request->path);

    begin_answer(answer, 206);
    append_validators(answer, validators);
    if (ranges->count > 1) {
        add_parts(answer, ranges, type, file_len);
        return;
    }
    append(answer,
           "Content-Type: %s\r\nContent-Range: bytes %lld-%lld/%lld\r\n"
           "Content-Length: %lld\r\n\r\n",
           type, (long long)only->first, (long long)only->last,
           (long long)file_len, (long long)(only->last - only->first + 1));
    add_text(answer);
    add_piece(answer, NULL, only->first, only->last - only->first + 1);
}

static void answer_whole(struct answer *answer, const struct request *request,
                         const struct validators *validators, off_t file_len)
{
    begin_answer(answer, 200);
    append_validators(answer, validators);
    append_field(answer, "Content-Type", content_type(request->path));
    append_length(answer, file_len);
    append_text(answer, "\r\n");
    add_text(answer);
    if (!request->is_head)
        add_piece(answer, NULL, 0, file_len);
}

void answer_status(struct answer *answer, const struct request *request,
                   int status, off_t file_len)
{
    begin_answer(answer, status);
    if (status == 301) {
        /* Not "//dir/", which would be a host's name (RFC 3986 4.2). */
        const char *path = request->target;
        const char *end = path + request->target_len;
        while (end - path > 1 && path[1] == '/')
            path++;
        append(answer, "Location: %.*s/%s\r\n", (int)(end - path), path, end);
    }
    if (status == 405)
        append(answer, "Allow: GET, HEAD\r\n");
    if (status == 416)
        append(answer, "Content-Range: bytes */%lld\r\n", (long long)file_len);
    append(answer, "Content-Type: text/plain\r\nContent-Length: %zu\r\n\r\n",
           strlen("000 \n") + strlen(reason(status)));
    if (!request->is_head)
        append(answer, "%d %s\n", status, reason(status));
    add_text(answer);
}

/* The page is the answer's from now on. */
static void answer_page(struct answer *answer, char *page, size_t len,
                        struct site *site)
{
    answer->page = page;
    answer->page_len = len;
    answer->site = site;
    site->pages += len;
    begin_answer(answer, 200);
    append_field(answer, "Content-Type", LISTING_TYPE);
    append_length(answer, (off_t)len);
    append_text(answer, "\r\n");
    add_text(answer);
    add_piece(answer, page, 0, (off_t)len);
}

void answer_listing(struct answer *answer, const struct request *request,
                    int directory, struct site *site)
{
    size_t len;
    char *page = NULL;

    if (request->is_head) {
        begin_answer(answer, 200);
        append_field(answer, "Content-Type", LISTING_TYPE);
        append_text(answer, "\r\n");
        add_text(answer);
        return;
    }
    if (site->pages > PAGES_MAX - LISTING_MAX) {
        answer_status(answer, request, 503, 0);
        return;
    }
    page = list_directory(directory, request->path, &len);
    if (page == NULL)
        answer_status(answer, request, 500, 0);
    else
        answer_page(answer, page, len, site);
}

void answer_file(struct answer *answer, const struct request *request, int file,
                 const struct stat *facts)
{
    struct validators validators = validators_of(facts);
    struct ranges ranges;

    answer->file = file;
    int status = check_conditions(request, &validators);
    if (status == 200 && !request->is_head &&
        if_range_holds(request, &validators))
        status = parse_ranges(field_value(request, "Range"), facts->st_size,
                              &ranges);
    switch (status) {
    case 200:
        answer_whole(answer, request, &validators, facts->st_size);
        break;
    case 206:
        answer_parts(answer, request, &validators, &ranges, facts->st_size);
        break;
    case 304: /* without content, RFC 9110 15.4.5 */
        begin_answer(answer, 304);
        append_validators(answer, &validators);
        append(answer, "\r\n");
        add_text(answer);
        break;
    default:
        answer_status(answer, request, status, facts->st_size);
    }
}
