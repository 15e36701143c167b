/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "boot.h"

#include "fatal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/module.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MODULES_ORDER "/modules/order"

static void mount_one(const char *type, const char *target)
{
	mkdir(target, 0755);
	/* devtmpfs may have been mounted by the kernel already. */
	if (mount(type, target, type, 0, NULL) != 0 && errno != EBUSY)
		fatal("%s could not be mounted on %s: %s", type, target, strerror(errno));
}

void boot_mount(void)
{
	mount_one("devtmpfs", "/dev");
	mount_one("proc", "/proc");
	mount_one("sysfs", "/sys");
}

static bool ends_with(const char *text, const char *end)
{
	const size_t text_length = strlen(text);
	const size_t end_length = strlen(end);

	return text_length >= end_length && strcmp(text + text_length - end_length, end) == 0;
}

static void load_module(const char *path)
{
	const int flags = ends_with(path, ".ko") ? 0 : MODULE_INIT_COMPRESSED_FILE;
	const int module = open(path, O_RDONLY | O_CLOEXEC);

	if (module < 0)
		fatal("the module %s is not in the initrd: build the guest anew", path);
	if (syscall(SYS_finit_module, module, "", flags) != 0 && errno != EEXIST)
		fatal("the module %s could not be loaded: %s", path, strerror(errno));
	close(module);
}

void boot_load_modules(void)
{
	FILE *order = fopen(MODULES_ORDER, "re");
	char path[256];

	if (order == NULL)
		fatal("%s is not in the initrd: build the guest anew", MODULES_ORDER);
	while (fgets(path, sizeof(path), order) != NULL) {
		path[strcspn(path, "\n")] = '\0';
		load_module(path);
	}
	fclose(order);
}

void boot_read_command_line(char *line, size_t line_bytes)
{
	FILE *file = fopen("/proc/cmdline", "re");

	if (file == NULL || fgets(line, (int)line_bytes, file) == NULL)
		fatal("/proc/cmdline could not be read: %s", strerror(errno));
	fclose(file);
}
