/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* Tests of the guest program's parts on this machine, without a guest. */
#ifndef HOSTED_H
#define HOSTED_H

#include <stddef.h>

struct hosted_test {
	const char *name;
	void (*run)(void);
};

#define HOSTED_TEST(function) {#function, function}

/* End the program with the place and the condition. */
_Noreturn void hosted_fail(const char *file, int line, const char *condition);

#define CHECK(condition) ((condition) ? (void)0 : hosted_fail(__FILE__, __LINE__, #condition))

extern const struct hosted_test page_tests[];
extern const size_t page_test_count;
extern const struct hosted_test parser_tests[];
extern const size_t parser_test_count;
extern const struct hosted_test loop_tests[];
extern const size_t loop_test_count;
extern const struct hosted_test output_tests[];
extern const size_t output_test_count;

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
