/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* Token bucket: how many pages are due now. */
#ifndef STSM_PACER_H
#define STSM_PACER_H

#include <stdint.h>

/* What a pause longer than this would have touched is not made up for: a burst would distort the window after it. */
#define PACER_CAP_GRAINS 10.0

struct pacer {
	uint64_t grain_ns;
	double pages_per_ns;
	double tokens;
	double cap;
	uint64_t refilled_ns;
	uint64_t deadline_ns; /* next wake-up */
};

/* The bucket starts with one grain in it, so that the first grain is not lost. */
struct pacer pacer_make(double pages_per_second, uint64_t grain_ns, uint64_t now_ns);

/* Refill to now_ns; returns whole pages due. */
uint64_t pacer_due(struct pacer *pacer, uint64_t now_ns);

/* Take out what was touched. */
void pacer_spend(struct pacer *pacer, uint64_t pages);

/* Next wake-up after now_ns, on the same raster of grains as before. */
void pacer_schedule(struct pacer *pacer, uint64_t now_ns);

#endif
