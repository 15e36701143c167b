/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "pattern.h"

const char *pattern_name(enum pattern_kind kind)
{
	static const char *const names[PATTERN_KINDS] = {
		[PATTERN_SEQUENTIAL] = "sequential", [PATTERN_RANDOM] = "random", [PATTERN_HOT_SET] = "hot-set",
		[PATTERN_READ_ONLY] = "read-only",   [PATTERN_IDLE] = "idle",
	};

	return names[kind];
}

struct pattern pattern_make(enum pattern_kind kind, uint64_t page_count, double hot_set_percent,
			    double hot_touch_percent, uint64_t seed)
{
	struct pattern pattern = {
		.kind = kind,
		.page_count = page_count,
		.hot_pages = (uint64_t)((double)page_count * hot_set_percent / 100.0 + 0.5),
		.hot_threshold = (uint32_t)(hot_touch_percent / 100.0 * (double)UINT32_MAX),
		.random_state = seed * 0x9e3779b97f4a7c15ull | 1u,
	};

	/* Both parts hold a page at least, or there is nothing to choose between. */
	if (pattern.hot_pages == 0)
		pattern.hot_pages = 1;
	if (pattern.hot_pages >= page_count)
		pattern.kind = kind == PATTERN_HOT_SET ? PATTERN_RANDOM : kind;
	return pattern;
}

/* Upper half of xorshift64*, whose lower bits are weak. */
static uint32_t next_random(struct pattern *pattern)
{
	uint64_t state = pattern->random_state;

	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	pattern->random_state = state;
	return (uint32_t)((state * 0x2545f4914f6cdd1dull) >> 32);
}

/* 0..limit-1 without a division; limit below 2^32. */
static uint64_t random_below(struct pattern *pattern, uint64_t limit)
{
	return ((uint64_t)next_random(pattern) * limit) >> 32;
}

static uint64_t next_in_sequence(struct pattern *pattern)
{
	const uint64_t page = pattern->next;

	pattern->next = page + 1u == pattern->page_count ? 0u : page + 1u;
	return page;
}

uint64_t pattern_next(struct pattern *pattern)
{
	switch (pattern->kind) {
	case PATTERN_RANDOM:
		return random_below(pattern, pattern->page_count);
	case PATTERN_HOT_SET:
		if (next_random(pattern) <= pattern->hot_threshold)
			return random_below(pattern, pattern->hot_pages);
		return pattern->hot_pages + random_below(pattern, pattern->page_count - pattern->hot_pages);
	default:
		return next_in_sequence(pattern);
	}
}
