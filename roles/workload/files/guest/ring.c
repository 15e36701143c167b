/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "ring.h"

#include <string.h>

static size_t smaller(size_t one, size_t other)
{
	return one < other ? one : other;
}

bool ring_put(struct ring *ring, const char *bytes, size_t length)
{
	const size_t end = (ring->start + ring->length) % ring->capacity;
	const size_t until_wrap = smaller(length, ring->capacity - end);

	if (length > ring->capacity - ring->length)
		return false;
	memcpy(ring->data + end, bytes, until_wrap);
	memcpy(ring->data, bytes + until_wrap, length - until_wrap);
	ring->length += length;
	return true;
}

size_t ring_peek(const struct ring *ring, char *target, size_t limit)
{
	const size_t length = smaller(limit, ring->length);
	const size_t until_wrap = smaller(length, ring->capacity - ring->start);

	memcpy(target, ring->data + ring->start, until_wrap);
	memcpy(target + until_wrap, ring->data, length - until_wrap);
	return length;
}

void ring_drop(struct ring *ring, size_t length)
{
	ring->start = (ring->start + length) % ring->capacity;
	ring->length -= length;
}
