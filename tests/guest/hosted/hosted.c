/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* Without an argument: print the names of all tests. With one: run the test of that name. */
#include "hosted.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hosted_fail(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: not true: %s\n", file, line, condition);
	exit(EXIT_FAILURE);
}

static int visit(const struct hosted_test *tests, size_t count, const char *wanted)
{
	int runs = 0;

	for (size_t index = 0; index < count; index++) {
		if (wanted == NULL) {
			puts(tests[index].name);
		} else if (strcmp(tests[index].name, wanted) == 0) {
			tests[index].run();
			runs++;
		}
	}
	return runs;
}

int main(int argument_count, char **arguments)
{
	const char *wanted = argument_count > 1 ? arguments[1] : NULL;
	const int runs = visit(page_tests, page_test_count, wanted) + visit(parser_tests, parser_test_count, wanted)
			 + visit(loop_tests, loop_test_count, wanted) + visit(output_tests, output_test_count, wanted);

	return wanted == NULL || runs == 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
