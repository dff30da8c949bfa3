/*
 * The main function of a unit test program: one suite of tests, each a
 * START_TEST ... END_TEST, run by Check.
 *
 *     UNIT_MAIN("arp", a_test_named_as_a_sentence, another_one)
 *
 * Check's own variables are heard: CK_FORK=no runs within a debugger,
 * CK_VERBOSITY=verbose prints each test.
 *
 * A test that this machine has not what it takes for says so and returns:
 *
 *     if (!enter_network(why))
 *         UNIT_SKIP(why);
 *
 * Check counts it as passed; tests/run, by this line, as skipped.
 */
#ifndef TAPIR_TESTS_UNIT_H
#define TAPIR_TESTS_UNIT_H

#include "base/bytes.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define UNIT_SKIP(why)                                                         \
    do {                                                                       \
        printf("skipped: %s: %s\n", __func__, why);                            \
        fflush(stdout);                                                        \
        return;                                                                \
    } while (0)

enum { UNIT_TIMEOUT_S = 60 };

/* The exit status of the program. */
static inline int unit_run(const char *suite_name, const TTest *const *tests,
                           size_t count)
{
    Suite *suite = suite_create(suite_name);
    TCase *tcase = tcase_create(suite_name);
    SRunner *runner = srunner_create(suite);
    int failed;

    for (size_t i = 0; i < count; i++)
        tcase_add_test(tcase, tests[i]);
    tcase_set_timeout(tcase, UNIT_TIMEOUT_S);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#define UNIT_MAIN(suite_name, ...)                                             \
    int main(void)                                                             \
    {                                                                          \
        const TTest *const tests[] = {__VA_ARGS__};                            \
                                                                               \
        return unit_run(suite_name, tests, ARRAY_LENGTH(tests));               \
    }

#endif
