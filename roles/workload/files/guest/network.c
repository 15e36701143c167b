/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "network.h"

#include "clock.h"
#include "fatal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define ATTEMPTS 200u
#define ATTEMPT_MS 10u

/* What a kernel makes by itself (lo, dummy0, ifb0) has no device behind it. */
static bool has_device(const char *name)
{
	char path[sizeof("/sys/class/net//device") + IF_NAMESIZE];

	snprintf(path, sizeof(path), "/sys/class/net/%s/device", name);
	return access(path, F_OK) == 0;
}

static bool find_interface(char name[NETWORK_NAME_BYTES])
{
	struct if_nameindex *interfaces = if_nameindex();
	bool found = false;

	for (struct if_nameindex *one = interfaces; one != NULL && one->if_index != 0 && !found; one++) {
		if (!has_device(one->if_name))
			continue;
		strncpy(name, one->if_name, NETWORK_NAME_BYTES - 1u);
		found = true;
	}
	if_freenameindex(interfaces);
	return found;
}

static void set_address(int descriptor, unsigned long request, const char *name, uint32_t value)
{
	struct ifreq interface = {0};
	const struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(value)};

	memcpy(interface.ifr_name, name, NETWORK_NAME_BYTES);
	memcpy(&interface.ifr_addr, &address, sizeof(address));
	if (ioctl(descriptor, request, &interface) != 0)
		fatal("the interface %s did not take its address: %s", name, strerror(errno));
}

/* Have the kernel say whose the address is now when the interface comes up: those who knew the address from an earlier
 * guest would go on sending to that one's interface. */
static void announce(const char *name)
{
	char path[sizeof("/proc/sys/net/ipv4/conf//arp_notify") + IF_NAMESIZE];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/arp_notify", name);
	file = fopen(path, "we");
	if (file == NULL || fputs("1", file) == EOF || fclose(file) == EOF)
		fatal("%s could not be set: %s", path, strerror(errno));
}

static void switch_on(int descriptor, const char *name)
{
	struct ifreq interface = {0};

	memcpy(interface.ifr_name, name, NETWORK_NAME_BYTES);
	interface.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(descriptor, SIOCSIFFLAGS, &interface) != 0)
		fatal("the interface %s could not be switched on: %s", name, strerror(errno));
}

bool network_set_up(uint32_t address, uint32_t prefix_length, char name[NETWORK_NAME_BYTES])
{
	const int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool found = find_interface(name);

	for (unsigned int attempt = 0; attempt < ATTEMPTS && !found; attempt++) {
		clock_sleep_ms(ATTEMPT_MS);
		found = find_interface(name);
	}
	if (found) {
		set_address(descriptor, SIOCSIFADDR, name, address);
		set_address(descriptor, SIOCSIFNETMASK, name, UINT32_MAX << (32u - prefix_length));
		announce(name);
		switch_on(descriptor, name);
	}
	close(descriptor);
	return found;
}
