/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "worker.h"

#include "clock.h"
#include "execute.h"
#include "fatal.h"
#include "mailbox.h"
#include "workload.h"

#include <pthread.h>

static struct workload workload;
static struct mailbox mailbox;

/* Sleep to the next grain. Returns the time of waking up; oversleeping is a pause of the machine. */
static uint64_t wait_for_grain(void)
{
	uint64_t now_ns;

	pacer_schedule(&workload.pacer, clock_now_ns());
	clock_sleep_until_ns(workload.pacer.deadline_ns);
	now_ns = clock_now_ns();
	window_gap(&workload.window, workload.pacer.deadline_ns, now_ns);
	return now_ns;
}

/* Touch what is due, or a few pages if there is no limit; stops early for a command. */
static void touch_one_grain(void)
{
	const bool limited = workload.settings.rate_mib_per_second > 0.0;
	uint64_t touch_start_ns = limited ? wait_for_grain() : clock_now_ns();
	const uint64_t due = limited ? pacer_due(&workload.pacer, touch_start_ns) : UINT64_MAX;
	uint64_t touched = 0;

	while (touched < due && !mailbox_is_full(&mailbox)) {
		touch_start_ns = workload_touch(&workload, touch_start_ns);
		touched++;
	}
	pacer_spend(&workload.pacer, touched);
}

static void *work(void *unused)
{
	for (;;) {
		if (workload.settings.pattern == PATTERN_IDLE)
			mailbox_wait(&mailbox);
		if (mailbox_is_full(&mailbox)) {
			execute(&workload, mailbox.command, mailbox.outcome);
			mailbox_answer(&mailbox);
		} else {
			touch_one_grain();
		}
	}
	return unused;
}

void worker_start(uint32_t working_set_mib, uint64_t seed)
{
	char message[COMMAND_MESSAGE_BYTES];
	pthread_t thread;

	mailbox_open(&mailbox);
	if (!workload_open(&workload, working_set_mib, seed, message, sizeof(message)))
		fatal("%s", message);
	if (pthread_create(&thread, NULL, work, NULL) != 0)
		fatal("the touch loop could not be started");
}

void worker_execute(const struct command *command, struct outcome *outcome)
{
	mailbox_send(&mailbox, command, outcome);
}

uint64_t worker_touched_pages(void)
{
	return atomic_load_explicit(&workload.touched_pages, memory_order_relaxed);
}
