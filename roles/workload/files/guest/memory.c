/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define BYTES_PER_MIB 1048576u
/* Left to the kernel: network buffers, page tables of the working set. */
#define RESERVE_MIB 24u

/* Pages and table lie in one mapping, the table behind the pages. */
static uint64_t mapping_bytes(uint64_t page_count)
{
	return page_count * (PAGE_BYTES + sizeof(uint64_t));
}

static bool map(struct memory *memory, uint64_t page_count, const struct page_recipe *recipe)
{
	void *address = mmap(NULL, mapping_bytes(page_count), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (address == MAP_FAILED)
		return false;
	/* Pages take memory when they are filled, so the old working set can go after the new one has its addresses. It goes
	 * as zeros: whatever it left would be migrated along with every smaller one from then on. */
	if (memory->pages != NULL) {
		memset(memory->pages, 0, mapping_bytes(memory->page_count));
		munmap(memory->pages, mapping_bytes(memory->page_count));
	}
	*memory = (struct memory){.pages = address, .page_count = page_count, .recipe = *recipe};
	memory->generations = (uint64_t *)(void *)(memory->pages + page_count);
	return true;
}

bool memory_prepare(struct memory *memory, uint32_t working_set_mib, const struct page_recipe *recipe,
		    uint64_t free_bytes, char *message, size_t message_bytes)
{
	const uint64_t page_count = (uint64_t)working_set_mib * PAGES_PER_MIB;
	const uint64_t held_bytes = mapping_bytes(memory->page_count);
	const uint64_t wanted_bytes = mapping_bytes(page_count);
	const uint64_t reserve_bytes = (uint64_t)RESERVE_MIB * BYTES_PER_MIB;

	if (wanted_bytes + reserve_bytes > free_bytes + held_bytes) {
		snprintf(message, message_bytes,
			 "a working set of %" PRIu32 " MiB was asked for and %" PRIu64
			 " MiB of the guest's memory are free: set working_set_mib lower or give the guest more memory",
			 working_set_mib, (free_bytes + held_bytes) / BYTES_PER_MIB);
		return false;
	}
	if (!map(memory, page_count, recipe)) {
		snprintf(message, message_bytes,
			 "the kernel gave no memory for a working set of %" PRIu32 " MiB: give the guest more memory",
			 working_set_mib);
		return false;
	}
	for (uint64_t page = 0; page < page_count; page++)
		page_fill(&memory->pages[page], recipe, page, 0);
	return true;
}

static void add_fault(struct memory_faults *faults, struct memory_fault fault)
{
	if (faults->wrong_count < MEMORY_FAULTS_KEPT)
		faults->wrong[faults->wrong_count] = fault;
	faults->wrong_count++;
}

static struct memory_fault fault_of(const struct memory *memory, uint64_t page, enum page_state state)
{
	return (struct memory_fault){
		.page = page,
		.state = state,
		.expected_generation = memory->generations[page],
		.found_generation = memory->pages[page].generation,
	};
}

static void notice(struct memory *memory, uint64_t page)
{
	const enum page_state state =
		memory->pages[page].number != page ? PAGE_WRONG_NUMBER : PAGE_STALE_GENERATION;

	add_fault(&memory->noticed, fault_of(memory, page, state));
}

void memory_touch(struct memory *memory, uint64_t page)
{
	if (__builtin_expect(!page_is_current(&memory->pages[page], page, memory->generations[page]), 0))
		notice(memory, page);
	memory->generations[page]++;
	page_touch(&memory->pages[page], &memory->recipe, page, memory->generations[page]);
}

void memory_read(struct memory *memory, uint64_t page)
{
	/* volatile: the compiler may not leave out a read whose value nobody uses. */
	volatile uint64_t sink = page_read(&memory->pages[page], &memory->recipe);

	(void)sink;
}

struct memory_faults memory_verify(struct memory *memory)
{
	struct memory_faults faults = memory->noticed;

	memory->noticed = (struct memory_faults){0};
	for (uint64_t page = 0; page < memory->page_count; page++) {
		const enum page_state state =
			page_check(&memory->pages[page], &memory->recipe, page, memory->generations[page]);

		if (state != PAGE_RIGHT)
			add_fault(&faults, fault_of(memory, page, state));
	}
	return faults;
}

struct memory_fault memory_inject(struct memory *memory, uint64_t page, enum memory_injection injection)
{
	if (injection == MEMORY_INJECT_CORRUPT) {
		memory->pages[page].payload[PAGE_PAYLOAD_WORDS - 1u] ^= 1u;
		return fault_of(memory, page, PAGE_BAD_CHECKSUM);
	}
	/* The touch makes sure that an older generation exists, also for a page that was never touched. */
	memory_touch(memory, page);
	page_fill(&memory->pages[page], &memory->recipe, page, memory->generations[page] - 1u);
	return fault_of(memory, page, PAGE_STALE_GENERATION);
}
