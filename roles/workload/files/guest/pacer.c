/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "pacer.h"

struct pacer pacer_make(double pages_per_second, uint64_t grain_ns, uint64_t now_ns)
{
	struct pacer pacer = {
		.grain_ns = grain_ns,
		.pages_per_ns = pages_per_second / 1e9,
		.refilled_ns = now_ns,
		.deadline_ns = now_ns,
	};
	const double pages_per_grain = pacer.pages_per_ns * (double)grain_ns;

	pacer.tokens = pages_per_grain;
	/* A slow rate has less than one page in all grains together; it still must be able to save up for one. */
	pacer.cap = pages_per_grain * PACER_CAP_GRAINS > 2.0 ? pages_per_grain * PACER_CAP_GRAINS : 2.0;
	return pacer;
}

uint64_t pacer_due(struct pacer *pacer, uint64_t now_ns)
{
	pacer->tokens += (double)(now_ns - pacer->refilled_ns) * pacer->pages_per_ns;
	pacer->refilled_ns = now_ns;
	if (pacer->tokens > pacer->cap)
		pacer->tokens = pacer->cap;
	return (uint64_t)pacer->tokens;
}

void pacer_spend(struct pacer *pacer, uint64_t pages)
{
	pacer->tokens -= (double)pages;
}

void pacer_schedule(struct pacer *pacer, uint64_t now_ns)
{
	if (now_ns >= pacer->deadline_ns)
		pacer->deadline_ns += ((now_ns - pacer->deadline_ns) / pacer->grain_ns + 1u) * pacer->grain_ns;
}
