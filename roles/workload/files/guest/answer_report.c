/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "answer_report.h"

#include "clock.h"
#include "page.h"

#include <inttypes.h>

/* Pages as MiB, exact: a page is 1/256 MiB, which has 8 decimals. */
static void write_mib(struct text *text, uint32_t pages)
{
	uint32_t fraction = pages % PAGES_PER_MIB * 390625u;
	int digits = 8;

	text_add(text, "%" PRIu32, pages / PAGES_PER_MIB);
	if (fraction == 0)
		return;
	while (fraction % 10u == 0) {
		fraction /= 10u;
		digits--;
	}
	text_add(text, ".%0*" PRIu32, digits, fraction);
}

static void write_series(struct text *text, const struct window *window)
{
	const uint64_t first = window_first_grain(window);

	text_add(text, ",\"grain_ms\":%" PRIu64 ",\"series_start_ns\":%" PRIu64 ",\"series_mib\":[",
		 WINDOW_GRAIN_NS / NS_PER_MS, window->start_ns + first * WINDOW_GRAIN_NS);
	for (uint64_t grain = first; grain <= window->grain; grain++) {
		text_add(text, grain == first ? "" : ",");
		write_mib(text, window_grain_pages(window, grain));
	}
	text_add(text, "]");
}

static void write_latencies(struct text *text, const struct window *window)
{
	text_add(text, ",\"latency_log2_ns\":[");
	for (unsigned int bucket = 0; bucket < WINDOW_LATENCIES; bucket++)
		text_add(text, "%s%" PRIu64, bucket == 0 ? "" : ",", window->latency_log2_ns[bucket]);
	text_add(text, "],\"longest_touch_ns\":%" PRIu64, window->longest_touch_ns);
}

static void write_pauses(struct text *text, const struct window *window)
{
	text_add(text, ",\"pauses\":[");
	for (uint32_t index = 0; index < window->pause_count; index++)
		text_add(text, "%s{\"start_ns\":%" PRIu64 ",\"length_ns\":%" PRIu64 "}", index == 0 ? "" : ",",
			 window->pauses[index].start_ns, window->pauses[index].length_ns);
	text_add(text, "]");
}

void answer_report_write(struct text *text, const struct window *window, uint64_t now_ns)
{
	const uint64_t window_ns = now_ns - window->start_ns;
	const double seconds = (double)window_ns / NS_PER_SECOND;
	const double mib = (double)window->touched_pages / PAGES_PER_MIB;

	text_add(text, ",\"window_start_ns\":%" PRIu64 ",\"window_ns\":%" PRIu64 ",\"touched_pages\":%" PRIu64,
		 window->start_ns, window_ns, window->touched_pages);
	text_add(text, ",\"achieved_mib_per_second\":");
	text_add_number(text, window_ns > 0 ? mib / seconds : 0.0);
	write_series(text, window);
	write_latencies(text, window);
	write_pauses(text, window);
}
