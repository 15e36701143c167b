/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "echo_server.h"

#include "clock.h"
#include "echo.h"
#include "fatal.h"
#include "worker.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>

#define ECHO_PORT 7
#define ECHO_PRIORITY 50
#define REQUEST_BYTES 2048u

static int echo_socket = -1;

static void *answer_probes(void *unused)
{
	for (;;) {
		uint8_t request[REQUEST_BYTES];
		uint8_t answer[ECHO_BYTES];
		struct sockaddr_in peer;
		socklen_t peer_bytes = sizeof(peer);
		const ssize_t received =
			recvfrom(echo_socket, request, sizeof(request), 0, (struct sockaddr *)&peer, &peer_bytes);
		const uint64_t guest_ns = clock_now_ns();
		size_t length;

		if (received < 0)
			continue;
		length = echo_answer(request, (size_t)received, guest_ns, worker_touched_pages(), answer);
		/* A probe whose answer cannot be sent is a lost probe, which the observer sees. */
		if (length > 0)
			(void)!sendto(echo_socket, answer, length, 0, (struct sockaddr *)&peer, peer_bytes);
	}
	return unused;
}

void echo_server_start(void)
{
	const struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(ECHO_PORT)};
	const struct sched_param priority = {.sched_priority = ECHO_PRIORITY};
	pthread_t thread;

	echo_socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (echo_socket < 0 || bind(echo_socket, (const struct sockaddr *)&address, sizeof(address)) != 0)
		fatal("UDP port %d could not be opened", ECHO_PORT);
	if (pthread_create(&thread, NULL, answer_probes, NULL) != 0
	    || pthread_setschedparam(thread, SCHED_FIFO, &priority) != 0)
		fatal("the echo thread could not be started with real-time priority");
}
