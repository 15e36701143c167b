/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* Which page is touched next. */
#ifndef STSM_PATTERN_H
#define STSM_PATTERN_H

#include <stdint.h>

enum pattern_kind {
	PATTERN_SEQUENTIAL,
	PATTERN_RANDOM,
	PATTERN_HOT_SET,
	PATTERN_READ_ONLY,
	PATTERN_IDLE,
	PATTERN_KINDS,
};

struct pattern {
	enum pattern_kind kind;
	uint64_t page_count;
	uint64_t hot_pages;      /* the first pages of the working set */
	uint32_t hot_threshold;  /* share of touches that go to the hot pages, of 2^32 - 1 */
	uint64_t next;           /* sequential: next page */
	uint64_t random_state;
};

/* "sequential", "random", "hot-set", "read-only", "idle" */
const char *pattern_name(enum pattern_kind kind);

struct pattern pattern_make(enum pattern_kind kind, uint64_t page_count, double hot_set_percent,
			    double hot_touch_percent, uint64_t seed);

/* Number of the next page. Read-only goes through the pages in sequence. Not for idle. */
uint64_t pattern_next(struct pattern *pattern);

#endif
