/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* The one thread that owns the working set: it touches pages and carries out commands between two touches. */
#ifndef STSM_WORKER_H
#define STSM_WORKER_H

#include "command.h"
#include "disk.h"
#include "memory.h"
#include "window.h"

#include <stdbool.h>
#include <stdint.h>

/* What a command brought; which members hold something follows from its kind. */
struct outcome {
	bool refused;
	char message[COMMAND_MESSAGE_BYTES];
	struct settings settings; /* configure: those in force */
	bool refilled;            /* configure */
	uint64_t duration_ns;     /* configure: of the refill; verify */
	uint64_t now_ns;          /* when it was carried out */
	struct window window;     /* report */
	struct memory_faults faults; /* verify */
	struct disk_check disk;      /* verify */
	struct memory_fault injected; /* inject */
	uint64_t page_count;
};

/* Fill the working set and start the thread. Ends the guest when the memory is not there. */
void worker_start(uint32_t working_set_mib, uint64_t seed);

/* Hand a command to the thread and wait for what it brought. One caller at a time. */
void worker_execute(const struct command *command, struct outcome *outcome);

/* Pages touched since boot; may be asked by any thread. */
uint64_t worker_touched_pages(void);

#endif
