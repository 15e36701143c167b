/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "mailbox.h"

void mailbox_open(struct mailbox *mailbox)
{
	sem_init(&mailbox->filled, 0, 0);
	sem_init(&mailbox->answered, 0, 0);
	atomic_init(&mailbox->full, false);
}

static void wait_for(sem_t *semaphore)
{
	while (sem_wait(semaphore) != 0)
		;
}

void mailbox_send(struct mailbox *mailbox, const struct command *command, struct outcome *outcome)
{
	mailbox->command = command;
	mailbox->outcome = outcome;
	atomic_store_explicit(&mailbox->full, true, memory_order_release);
	sem_post(&mailbox->filled);
	wait_for(&mailbox->answered);
}

void mailbox_wait(struct mailbox *mailbox)
{
	wait_for(&mailbox->filled);
	/* Give it back: mailbox_answer takes it, whether the worker waited for the command or met it. */
	sem_post(&mailbox->filled);
}

void mailbox_answer(struct mailbox *mailbox)
{
	wait_for(&mailbox->filled);
	atomic_store_explicit(&mailbox->full, false, memory_order_release);
	sem_post(&mailbox->answered);
}
