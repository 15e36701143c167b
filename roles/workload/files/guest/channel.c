/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "channel.h"

#include "clock.h"
#include "fatal.h"
#include "port.h"
#include "ring.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RING_BYTES (4u * 1048576u)
/* The most that the driver takes in one write, so that shorter lines reach the host whole or not at all. */
#define WRITE_BYTES 32768u

static char ring_data[RING_BYTES];
static struct ring ring = {.data = ring_data, .capacity = RING_BYTES};
static pthread_mutex_t ring_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ring_filled = PTHREAD_COND_INITIALIZER;
static uint64_t next_sequence;
static int port = -1;

/* Bytes of whole lines if there is a line end among them, else all of them. */
static size_t whole_lines(const char *bytes, size_t length)
{
	const char *last = memrchr(bytes, '\n', length);

	return last == NULL ? length : (size_t)(last - bytes) + 1u;
}

static void *write_lines(void *unused)
{
	static char chunk[WRITE_BYTES];

	for (;;) {
		size_t length;
		ssize_t written;

		pthread_mutex_lock(&ring_lock);
		while (ring.length == 0)
			pthread_cond_wait(&ring_filled, &ring_lock);
		length = whole_lines(chunk, ring_peek(&ring, chunk, WRITE_BYTES));
		pthread_mutex_unlock(&ring_lock);

		written = write(port, chunk, length);
		if (written <= 0) {
			clock_sleep_ms(10);
			continue;
		}
		pthread_mutex_lock(&ring_lock);
		ring_drop(&ring, (size_t)written);
		pthread_mutex_unlock(&ring_lock);
	}
	return unused;
}

void channel_start(const char *port_name)
{
	pthread_t thread;

	port = port_open(port_name, O_WRONLY);
	if (port < 0 || pthread_create(&thread, NULL, write_lines, NULL) != 0)
		fatal("no port %s could be opened: give the domain a virtio-serial channel of this name, or a serial line",
		      port_name);
}

void channel_post(const char *kind, const char *members)
{
	char head[128];
	int head_length;
	const size_t members_length = strlen(members);

	pthread_mutex_lock(&ring_lock);
	head_length = snprintf(head, sizeof(head), "{\"sequence\":%" PRIu64 ",\"guest_ns\":%" PRIu64 ",\"kind\":\"%s\"",
			       next_sequence++, clock_now_ns(), kind);
	if ((size_t)head_length + members_length + 2u <= ring.capacity - ring.length) {
		ring_put(&ring, head, (size_t)head_length);
		ring_put(&ring, members, members_length);
		ring_put(&ring, "}\n", 2);
		pthread_cond_signal(&ring_filled);
	}
	pthread_mutex_unlock(&ring_lock);
}
