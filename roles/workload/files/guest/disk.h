/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* The guest's disk: its first part is written while the guest boots, and read again by verify. */
#ifndef STSM_DISK_H
#define STSM_DISK_H

#include <stdint.h>

struct disk_check {
	uint64_t page_count;
	uint64_t wrong_count;
};

/* Write the first part of the first disk, past the kernel's cache. Ends the guest without a disk, or enough room on it. */
void disk_write(uint32_t mib, uint64_t seed);

/* Read what was written, past the kernel's cache; no pages if nothing was. One caller at a time. */
struct disk_check disk_verify(void);

#endif
