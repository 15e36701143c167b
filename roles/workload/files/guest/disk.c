/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "disk.h"

#include "clock.h"
#include "fatal.h"
#include "page.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define PATH "/dev/vda"
#define ATTEMPTS 200u
#define ATTEMPT_MS 10u
#define ENTROPY_BITS_PER_BYTE 8.0

static struct {
	int descriptor;
	uint32_t mib;
	struct page_recipe recipe;
} disk;

/* One MiB. The kernel moves it straight from and to the device, which asks for whole pages. */
static struct page block[PAGES_PER_MIB] __attribute__((aligned(PAGE_BYTES)));

static int open_when_there(void)
{
	int descriptor = open(PATH, O_RDWR | O_DIRECT | O_CLOEXEC);

	for (unsigned int attempt = 0; attempt < ATTEMPTS && descriptor < 0; attempt++) {
		clock_sleep_ms(ATTEMPT_MS);
		descriptor = open(PATH, O_RDWR | O_DIRECT | O_CLOEXEC);
	}
	if (descriptor < 0)
		fatal("the disk %s could not be opened (%s): give the guest one, or leave stsm.written_disk_mib out", PATH,
		      strerror(errno));
	return descriptor;
}

static off_t offset_of(uint32_t mib)
{
	return (off_t)mib * (off_t)sizeof(block);
}

static void write_mib(uint32_t mib)
{
	const uint64_t first = (uint64_t)mib * PAGES_PER_MIB;

	for (size_t page = 0; page < PAGES_PER_MIB; page++)
		page_fill(&block[page], &disk.recipe, first + page, 0);
	if (pwrite(disk.descriptor, block, sizeof(block), offset_of(mib)) != (ssize_t)sizeof(block))
		fatal("MiB %" PRIu32 " of the disk could not be written (%s): give the guest a larger disk, or lower "
		      "stsm.written_disk_mib",
		      mib, strerror(errno));
}

static uint64_t wrong_pages_of(uint32_t mib)
{
	const uint64_t first = (uint64_t)mib * PAGES_PER_MIB;
	uint64_t wrong_count = 0;

	if (pread(disk.descriptor, block, sizeof(block), offset_of(mib)) != (ssize_t)sizeof(block))
		return PAGES_PER_MIB;
	for (size_t page = 0; page < PAGES_PER_MIB; page++)
		wrong_count += page_check(&block[page], &disk.recipe, first + page, 0) != PAGE_RIGHT;
	return wrong_count;
}

void disk_write(uint32_t mib, uint64_t seed)
{
	disk.descriptor = open_when_there();
	disk.recipe = page_recipe_make(seed, PAGE_BYTES, ENTROPY_BITS_PER_BYTE);
	for (disk.mib = 0; disk.mib < mib; disk.mib++)
		write_mib(disk.mib);
	if (fsync(disk.descriptor) != 0)
		fatal("what was written to the disk did not reach it: %s", strerror(errno));
}

struct disk_check disk_verify(void)
{
	struct disk_check check = {.page_count = (uint64_t)disk.mib * PAGES_PER_MIB};

	for (uint32_t mib = 0; mib < disk.mib; mib++)
		check.wrong_count += wrong_pages_of(mib);
	return check;
}
