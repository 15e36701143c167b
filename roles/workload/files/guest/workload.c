/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "workload.h"

#include "clock.h"

#include <sys/sysinfo.h>

static uint64_t free_bytes(void)
{
	struct sysinfo info;

	return sysinfo(&info) == 0 ? (uint64_t)info.freeram * info.mem_unit : 0u;
}

static bool prepare(struct workload *workload, const struct settings *settings, char *message, size_t message_bytes)
{
	const struct page_recipe recipe =
		page_recipe_make(workload->seed, settings->bytes_per_touch, settings->entropy_bits_per_byte);

	return memory_prepare(&workload->memory, settings->working_set_mib, &recipe, free_bytes(), message,
			      message_bytes);
}

static bool content_differs(const struct settings *one, const struct settings *other)
{
	return one->working_set_mib != other->working_set_mib || one->bytes_per_touch != other->bytes_per_touch
	       || one->entropy_bits_per_byte < other->entropy_bits_per_byte
	       || one->entropy_bits_per_byte > other->entropy_bits_per_byte;
}

static void apply(struct workload *workload, const struct settings *settings)
{
	workload->settings = *settings;
	workload->pattern = pattern_make(settings->pattern, workload->memory.page_count, settings->hot_set_percent,
					 settings->hot_touch_percent, workload->seed);
	workload->pacer = pacer_make(settings->rate_mib_per_second * PAGES_PER_MIB, settings->grain_ms * NS_PER_MS,
				     clock_now_ns());
}

bool workload_open(struct workload *workload, uint32_t working_set_mib, uint64_t seed, char *message,
		   size_t message_bytes)
{
	const struct settings settings = settings_default(working_set_mib);

	workload->seed = seed;
	if (!prepare(workload, &settings, message, message_bytes))
		return false;
	apply(workload, &settings);
	window_clear(&workload->window, clock_now_ns());
	return true;
}

bool workload_configure(struct workload *workload, const struct settings *settings, bool *refilled, char *message,
			size_t message_bytes)
{
	*refilled = content_differs(&workload->settings, settings);
	if (*refilled && !prepare(workload, settings, message, message_bytes))
		return false;
	apply(workload, settings);
	return true;
}

uint64_t workload_touch(struct workload *workload, uint64_t start_ns)
{
	const uint64_t page = pattern_next(&workload->pattern);
	uint64_t end_ns;

	if (workload->settings.pattern == PATTERN_READ_ONLY)
		memory_read(&workload->memory, page);
	else
		memory_touch(&workload->memory, page);
	end_ns = clock_now_ns();
	window_touch(&workload->window, start_ns, end_ns);
	/* There is one writer: a load and a store do, and cost less than an atomic addition. */
	atomic_store_explicit(&workload->touched_pages,
			      atomic_load_explicit(&workload->touched_pages, memory_order_relaxed) + 1u,
			      memory_order_relaxed);
	return end_ns;
}
