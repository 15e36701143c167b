/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "beacon.h"

#include "clock.h"
#include "fatal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#define DISCARD_PORT 9
#define INTERVAL_MS 100u

static int beacon_socket = -1;

static void *speak(void *unused)
{
	const struct sockaddr_in everybody = {
		.sin_family = AF_INET,
		.sin_port = htons(DISCARD_PORT),
		.sin_addr.s_addr = htonl(INADDR_BROADCAST),
	};

	for (;;) {
		/* What cannot be sent now is of no use later. */
		(void)!sendto(beacon_socket, NULL, 0, 0, (const struct sockaddr *)&everybody, sizeof(everybody));
		clock_sleep_ms(INTERVAL_MS);
	}
	return unused;
}

void beacon_start(const char *interface)
{
	const int yes = 1;
	pthread_t thread;

	beacon_socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (beacon_socket < 0 || setsockopt(beacon_socket, SOL_SOCKET, SO_BROADCAST, &yes, sizeof(yes)) != 0
	    || setsockopt(beacon_socket, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)) != 0)
		fatal("nothing can be sent to everybody on %s: %s", interface, strerror(errno));
	if (pthread_create(&thread, NULL, speak, NULL) != 0)
		fatal("the beacon's thread could not be started");
}
