/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "port.h"

#include "clock.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define PORTS_DIRECTORY "/sys/class/virtio-ports"
#define ATTEMPTS 500u
#define ATTEMPT_MS 10u

static bool has_name(const char *device, const char *name)
{
	char path[320];
	char found[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), PORTS_DIRECTORY "/%s/name", device);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	if (fgets(found, sizeof(found), file) != NULL)
		found[strcspn(found, "\n")] = '\0';
	fclose(file);
	return strcmp(found, name) == 0;
}

static int try_open(const char *name, int flags)
{
	DIR *directory = opendir(PORTS_DIRECTORY);
	int descriptor = -1;

	if (directory == NULL)
		return -1;
	for (struct dirent *entry = readdir(directory); entry != NULL && descriptor < 0; entry = readdir(directory)) {
		char path[320];

		if (!has_name(entry->d_name, name))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		descriptor = open(path, flags | O_CLOEXEC);
	}
	closedir(directory);
	return descriptor;
}

static int open_serial(const char *path, int flags)
{
	const int descriptor = open(path, flags | O_NOCTTY | O_CLOEXEC);
	struct termios settings;

	if (descriptor < 0)
		return -1;
	if (tcgetattr(descriptor, &settings) == 0) {
		cfmakeraw(&settings);
		if (tcsetattr(descriptor, TCSANOW, &settings) == 0)
			return descriptor;
	}
	close(descriptor);
	return -1;
}

int port_open(const char *name, int flags)
{
	for (unsigned int attempt = 0; attempt < ATTEMPTS; attempt++) {
		const int descriptor = name[0] == '/' ? open_serial(name, flags) : try_open(name, flags);

		if (descriptor >= 0)
			return descriptor;
		clock_sleep_ms(ATTEMPT_MS);
	}
	return -1;
}
