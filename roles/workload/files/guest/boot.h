/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* What init has to do before the program itself can run. */
#ifndef STSM_BOOT_H
#define STSM_BOOT_H

#include <stddef.h>

/* Mount /dev, /proc and /sys. */
void boot_mount(void);

/* Load the modules named in /modules/order, one path a line, each after those it needs. Plain and compressed ones. */
void boot_load_modules(void);

/* Read /proc/cmdline. */
void boot_read_command_line(char *line, size_t line_bytes);

#endif
