/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "execute.h"

#include "clock.h"

static void configure(struct workload *workload, const struct command *command, struct outcome *outcome)
{
	const uint64_t start_ns = clock_now_ns();

	outcome->refused = !workload_configure(workload, &command->settings, &outcome->refilled, outcome->message,
					       sizeof(outcome->message));
	outcome->settings = workload->settings;
	outcome->duration_ns = clock_now_ns() - start_ns;
}

static void report(struct workload *workload, struct outcome *outcome)
{
	window_advance(&workload->window, outcome->now_ns);
	outcome->window = workload->window;
}

static void verify(struct workload *workload, struct outcome *outcome)
{
	outcome->faults = memory_verify(&workload->memory);
	outcome->disk = disk_verify();
	outcome->duration_ns = clock_now_ns() - outcome->now_ns;
}

void execute(struct workload *workload, const struct command *command, struct outcome *outcome)
{
	outcome->refused = false;
	outcome->now_ns = clock_now_ns();
	switch (command->kind) {
	case COMMAND_CONFIGURE:
		configure(workload, command, outcome);
		break;
	case COMMAND_MARK:
		window_clear(&workload->window, outcome->now_ns);
		break;
	case COMMAND_REPORT:
		report(workload, outcome);
		break;
	case COMMAND_VERIFY:
		verify(workload, outcome);
		break;
	default:
		outcome->injected = memory_inject(&workload->memory, command->page, command->injection);
		break;
	}
	outcome->page_count = workload->memory.page_count;
}
