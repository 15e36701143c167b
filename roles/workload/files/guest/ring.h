/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* Bytes waiting to be written, in memory of fixed size. */
#ifndef STSM_RING_H
#define STSM_RING_H

#include <stdbool.h>
#include <stddef.h>

struct ring {
	char *data;
	size_t capacity;
	size_t start;
	size_t length;
};

/* All bytes or none: false when they do not fit. */
bool ring_put(struct ring *ring, const char *bytes, size_t length);

/* Copy up to limit of the oldest bytes to target; returns how many. They stay in the ring. */
size_t ring_peek(const struct ring *ring, char *target, size_t limit);

/* Forget the oldest bytes. */
void ring_drop(struct ring *ring, size_t length);

#endif
