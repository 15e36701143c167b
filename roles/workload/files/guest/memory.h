/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* The working set: its pages, and the table of the generation that each page must have. Owned by one thread. */
#ifndef STSM_MEMORY_H
#define STSM_MEMORY_H

#include "page.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_FAULTS_KEPT 16u

struct memory_fault {
	uint64_t page;
	enum page_state state;
	uint64_t expected_generation;
	uint64_t found_generation;
};

/* wrong_count counts all, wrong[] holds the first ones. */
struct memory_faults {
	uint64_t wrong_count;
	struct memory_fault wrong[MEMORY_FAULTS_KEPT];
};

enum memory_injection { MEMORY_INJECT_STALE, MEMORY_INJECT_CORRUPT };

struct memory {
	struct page *pages;
	uint64_t *generations;
	uint64_t page_count;
	struct page_recipe recipe;
	struct memory_faults noticed; /* seen by a touch, not yet handed out by memory_verify */
};

/* Give back the old working set, take a new one and fill it at generation 0. free_bytes is what the guest has left
 * while it holds the old one. False with one sentence in message when it cannot be had; the old one is kept then. */
bool memory_prepare(struct memory *memory, uint32_t working_set_mib, const struct page_recipe *recipe,
		    uint64_t free_bytes, char *message, size_t message_bytes);

/* Write the next generation of one page. A page that is not what the table says is noticed first: afterwards a page
 * that had been rolled back could not be told from a right one. */
void memory_touch(struct memory *memory, uint64_t page);

void memory_read(struct memory *memory, uint64_t page);

/* Check all pages; the result also holds what touches noticed since the last call. */
struct memory_faults memory_verify(struct memory *memory);

/* Damage a page on purpose, to prove that memory_verify finds it. */
struct memory_fault memory_inject(struct memory *memory, uint64_t page, enum memory_injection injection);

#endif
