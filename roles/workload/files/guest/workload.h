/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* The state behind the touch loop. */
#ifndef STSM_WORKLOAD_H
#define STSM_WORKLOAD_H

#include "command.h"
#include "memory.h"
#include "pacer.h"
#include "pattern.h"
#include "window.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct workload {
	uint64_t seed;
	struct settings settings;
	struct memory memory;
	struct pattern pattern;
	struct pacer pacer;
	struct window window;
	_Atomic uint64_t touched_pages; /* since boot */
};

/* Fill the first working set. False with a message when it does not fit. */
bool workload_open(struct workload *workload, uint32_t working_set_mib, uint64_t seed, char *message,
		   size_t message_bytes);

/* Put settings in force; refills the pages only when their content changes, which *refilled says. False with a
 * message, and nothing changed, when they cannot be had. */
bool workload_configure(struct workload *workload, const struct settings *settings, bool *refilled, char *message,
			size_t message_bytes);

/* Touch the next page and count it. start_ns is the end of the touch before; returns the end of this one. */
uint64_t workload_touch(struct workload *workload, uint64_t start_ns);

#endif
