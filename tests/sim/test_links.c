/*
 * Twins of the cells of tests/bench/links in virtual time, with Tapir at both
 * ends: each algorithm must reach what it reached when links_reached.c was
 * written, or little less, without sending much more again. So what makes a bad
 * link slower is seen at once, and on every machine.
 *
 *     test_links            all cells
 *     test_links --print    links_reached.c as it would be now
 *
 * A run ends after 8 s or some megabytes, whichever comes first: a fast cell is
 * over sooner, a slow one takes its time.
 */
#include "tests/sim/links_reached.h"
#include "tests/sim/transfer.h"

#include "tcp/tcp_cc.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__ /* it takes its time */
enum { CELL_STEP = 5 };
#else
enum { CELL_STEP = 1 };
#endif

enum {
    CELLS = 48,
    SEEDS_MAX = 24,
    BYTES_MAX = 16 * 1000 * 1000, /* of a run */
    BYTES_ENOUGH = 2 * BYTES_MAX, /* of a cell, where something is drawn */
    QUEUE_MIN = 15140,            /* bytes: ten packets */
    BUFFER_MIN = 1000 * 1000,
    FAULTS_MAX = 128,
    TEST_TIMEOUT_S = 60
};

static const usec time_max = 8 * USEC_PER_SEC;

/* ---- The design, as tests/bench/links has it ----------------------------- */

static int compare_cells(const void *a, const void *b)
{
    const struct links_cell *one = a;
    const struct links_cell *other = b;

    if (one->rate_mbit != other->rate_mbit)
        return one->rate_mbit < other->rate_mbit ? -1 : 1;
    if (one->rtt_ms != other->rtt_ms)
        return one->rtt_ms < other->rtt_ms ? -1 : 1;
    return strcmp(one->impairment, other->impairment);
}

static void design(struct links_cell cells[static CELLS])
{
    static const unsigned rate[] = {10, 100, 1000};
    static const unsigned rtt[] = {1, 20, 100, 300};
    static const char *const impairment[] = {"none",
                                             "loss=0.1%",
                                             "loss=1%",
                                             "loss=5%",
                                             "burst-loss=0.1%/3",
                                             "burst-loss=1%/3",
                                             "burst-loss=5%/3",
                                             "reorder=1%/3"};
    static const double queue[] = {0.25, 1, 4};

    for (unsigned i = 0; i < CELLS; i++) {
        unsigned p = i / 4;
        unsigned k = i % 4;

        cells[i] = (struct links_cell){
            .rate_mbit = rate[p % 3],
            .rtt_ms = rtt[p % 4],
            .impairment = impairment[(2 * k + p + p / 4) % 8],
            .queue_bdp = queue[(k + p + p / 4) % 3],
        };
    }
    qsort(cells, CELLS, sizeof(cells[0]), compare_cells);
}

/* ---- A cell -------------------------------------------------------------- */

static bool is_lossless(const struct links_cell *cell)
{
    return strcmp(cell->impairment, "none") == 0;
}

static uint32_t bdp(const struct links_cell *cell)
{
    return cell->rate_mbit * cell->rtt_ms * 125;
}

static uint32_t queue_bytes(const struct links_cell *cell)
{
    uint32_t bytes = (uint32_t)(bdp(cell) * cell->queue_bdp);

    return bytes < QUEUE_MIN ? QUEUE_MIN : bytes;
}

/* As the benchmark's; more than is transferred would never be used. */
static uint32_t buffer_bytes(const struct links_cell *cell)
{
    uint64_t bytes = 4 * ((uint64_t)bdp(cell) + queue_bytes(cell)) + BUFFER_MIN;

    return bytes < BYTES_MAX ? (uint32_t)bytes : BYTES_MAX;
}

static void run_cell(const struct links_cell *cell, const char *congestion,
                     struct links_reached *reached)
{
    char faults[FAULTS_MAX];
    struct transfer transfer = {
        .faults = faults,
        .congestion = congestion,
        .buffer = buffer_bytes(cell),
        .time_max = time_max,
        .bytes_max = BYTES_MAX,
    };
    struct transfer_result result = {0};
    uint64_t enough = is_lossless(cell) ? 1 : BYTES_ENOUGH;

    snprintf(faults, sizeof(faults), "rate=%uMbit,queue=%uB,delay=%uus%s%s",
             cell->rate_mbit, queue_bytes(cell), cell->rtt_ms * 500,
             is_lossless(cell) ? "" : ",",
             is_lossless(cell) ? "" : cell->impairment);
    while (result.bytes < enough && transfer.seed < SEEDS_MAX) {
        transfer.seed++;
        transfer_run(&transfer, &result);
    }
    *reached = (struct links_reached){
        .cell = *cell,
        .congestion = congestion,
        .mbit = (double)result.bytes * 8 / (double)result.time,
        .resent = 100 * (double)result.resent / (double)result.sent,
    };
}

/* ---- The table ----------------------------------------------------------- */

static const struct links_reached *find_row(const struct links_reached *wanted)
{
    for (unsigned i = 0; i < links_reached_count; i++) {
        const struct links_reached *row = &links_reached[i];

        if (compare_cells(&row->cell, &wanted->cell) == 0 &&
            strcmp(row->congestion, wanted->congestion) == 0)
            return row;
    }
    return NULL;
}

static void print_row(const struct links_cell *cell, const char *congestion)
{
    struct links_reached row;

    run_cell(cell, congestion, &row);
    printf("    {{%u, %u, \"%s\", %.3g}, \"%s\", %.4g, %.3g},\n",
           cell->rate_mbit, cell->rtt_ms, cell->impairment, cell->queue_bdp,
           congestion, row.mbit, row.resent);
}

static void print_table(void)
{
    struct links_cell cells[CELLS];
    const struct tcp_cc_ops *cc;

    design(cells);
    printf("/* Made by test_links --print: see test_links.c. */\n"
           "#include \"tests/sim/links_reached.h\"\n\n"
           "const struct links_reached links_reached[] = {\n");
    for (unsigned i = 0; i < CELLS; i++)
        for (size_t k = 0; (cc = tcp_cc_at(k)) != NULL; k++)
            print_row(&cells[i], cc->name);
    printf("};\n\nconst unsigned links_reached_count =\n"
           "    sizeof(links_reached) / sizeof(links_reached[0]);\n");
}

/* Of what was reached: the more is lost, the more it is a matter of luck. */
static double tolerated(const struct links_cell *cell)
{
    if (strstr(cell->impairment, "loss") == NULL)
        return 0.95;
    return strstr(cell->impairment, "5%") == NULL ? 0.9 : 0.8;
}

/* ---- Tests --------------------------------------------------------------- */

static void expect_as_good(const struct links_reached *got)
{
    const struct links_reached *row = find_row(got);
    const struct links_cell *cell = &got->cell;

    ck_assert_msg(row != NULL,
                  "links_reached.c knows no %s: test_links --print",
                  got->congestion);
    ck_assert_msg(got->mbit >= tolerated(cell) * row->mbit &&
                      got->resent <= 1.25 * row->resent + 0.25,
                  "%s, %u Mbit/s, %u ms, %s, %g BDP: %.2f Mbit/s (was %.2f), "
                  "%.2f %% sent again (was %.2f)",
                  got->congestion, cell->rate_mbit, cell->rtt_ms,
                  cell->impairment, cell->queue_bdp, got->mbit, row->mbit,
                  got->resent, row->resent);
}

START_TEST(each_algorithm_is_as_good_as_it_was)
{
    struct links_cell cells[CELLS];
    struct links_reached got;
    const struct tcp_cc_ops *cc;

    design(cells);
    for (size_t i = 0; (cc = tcp_cc_at(i)) != NULL; i++) {
        run_cell(&cells[_i * CELL_STEP], cc->name, &got);
        expect_as_good(&got);
    }
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("links");
    TCase *tcase = tcase_create("links");
    SRunner *runner = srunner_create(suite);
    int failed;

    if (argc == 2 && strcmp(argv[1], "--print") == 0) {
        print_table();
        return EXIT_SUCCESS;
    }
    tcase_add_loop_test(tcase, each_algorithm_is_as_good_as_it_was, 0,
                        CELLS / CELL_STEP);
    tcase_set_timeout(tcase, TEST_TIMEOUT_S);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
