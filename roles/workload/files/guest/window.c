/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "window.h"

#include <string.h>

void window_clear(struct window *window, uint64_t now_ns)
{
	memset(window, 0, sizeof(*window));
	window->start_ns = now_ns;
	window->grain_end_ns = now_ns + WINDOW_GRAIN_NS;
}

void window_advance(struct window *window, uint64_t now_ns)
{
	while (now_ns >= window->grain_end_ns) {
		window->grain++;
		window->grain_end_ns += WINDOW_GRAIN_NS;
		window->pages_in_grain[window->grain % WINDOW_GRAINS] = 0;
	}
}

static uint32_t latency_bucket(uint64_t latency_ns)
{
	const uint32_t log2 = 63u - (uint32_t)__builtin_clzll(latency_ns | 1u);

	return log2 < WINDOW_LATENCIES ? log2 : WINDOW_LATENCIES - 1u;
}

void window_touch(struct window *window, uint64_t start_ns, uint64_t end_ns)
{
	const uint64_t latency_ns = end_ns - start_ns;

	window_advance(window, end_ns);
	window->pages_in_grain[window->grain % WINDOW_GRAINS]++;
	window->touched_pages++;
	window->latency_log2_ns[latency_bucket(latency_ns)]++;
	if (latency_ns > window->longest_touch_ns)
		window->longest_touch_ns = latency_ns;
	window_gap(window, start_ns, end_ns);
}

void window_gap(struct window *window, uint64_t start_ns, uint64_t end_ns)
{
	if (end_ns - start_ns <= WINDOW_PAUSE_NS || window->pause_count == WINDOW_PAUSES)
		return;
	window->pauses[window->pause_count++] = (struct window_pause){
		.start_ns = start_ns,
		.length_ns = end_ns - start_ns,
	};
}

uint64_t window_first_grain(const struct window *window)
{
	return window->grain < WINDOW_GRAINS ? 0u : window->grain - WINDOW_GRAINS + 1u;
}

uint32_t window_grain_pages(const struct window *window, uint64_t grain)
{
	return window->pages_in_grain[grain % WINDOW_GRAINS];
}
