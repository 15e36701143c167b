/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "fatal.h"

#include "clock.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/reboot.h>
#include <unistd.h>

void fatal(const char *format, ...)
{
	const int console = open("/dev/console", O_WRONLY | O_CLOEXEC);
	va_list arguments;

	va_start(arguments, format);
	if (console >= 0) {
		dprintf(console, "stsm guest: ");
		vdprintf(console, format, arguments);
		dprintf(console, "\n");
	}
	va_end(arguments);
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		clock_sleep_ms(1000);
}
