/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* Place for one command on its way from the control thread to the worker. */
#ifndef STSM_MAILBOX_H
#define STSM_MAILBOX_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

struct command;
struct outcome;

struct mailbox {
	const struct command *command;
	struct outcome *outcome;
	atomic_bool full;
	sem_t filled;
	sem_t answered;
};

void mailbox_open(struct mailbox *mailbox);

/* Put a command in and wait until the outcome is there. */
void mailbox_send(struct mailbox *mailbox, const struct command *command, struct outcome *outcome);

/* Wait until there is a command. */
void mailbox_wait(struct mailbox *mailbox);

/* Cheap enough to be asked at every touch. */
static inline bool mailbox_is_full(const struct mailbox *mailbox)
{
	return atomic_load_explicit(&mailbox->full, memory_order_acquire);
}

/* Take the command out; its outcome is complete. */
void mailbox_answer(struct mailbox *mailbox);

#endif
