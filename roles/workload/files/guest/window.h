/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* What the touch loop saw since the last mark: counts, latencies, the rate over time, its own pauses. */
#ifndef STSM_WINDOW_H
#define STSM_WINDOW_H

#include <stdint.h>

#define WINDOW_GRAIN_NS UINT64_C(10000000)
#define WINDOW_GRAINS 12000u /* 120 s are kept */
#define WINDOW_LATENCIES 41u
#define WINDOW_PAUSES 64u
#define WINDOW_PAUSE_NS UINT64_C(10000000)

struct window_pause {
	uint64_t start_ns;
	uint64_t length_ns;
};

struct window {
	uint64_t start_ns;
	uint64_t touched_pages;
	uint64_t longest_touch_ns;
	uint64_t latency_log2_ns[WINDOW_LATENCIES];
	uint32_t pause_count; /* of those kept */
	struct window_pause pauses[WINDOW_PAUSES];
	uint64_t grain;        /* number of the grain that is being counted */
	uint64_t grain_end_ns; /* where it ends */
	uint32_t pages_in_grain[WINDOW_GRAINS]; /* ring: grain n is at n % WINDOW_GRAINS */
};

void window_clear(struct window *window, uint64_t now_ns);

/* Count one touch that took from start_ns to end_ns; it belongs to the grain in which it ended. */
void window_touch(struct window *window, uint64_t start_ns, uint64_t end_ns);

/* Note a time in which the touch loop did not run though it should have; short ones are left out. */
void window_gap(struct window *window, uint64_t start_ns, uint64_t end_ns);

/* Bring the series up to now_ns. */
void window_advance(struct window *window, uint64_t now_ns);

/* Number of the oldest grain that is still kept. */
uint64_t window_first_grain(const struct window *window);

/* Pages touched in a grain between window_first_grain and window->grain. */
uint32_t window_grain_pages(const struct window *window, uint64_t grain);

#endif
