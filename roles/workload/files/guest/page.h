/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* One 4 KiB page of the working set: what it holds, how it is touched, how it is checked. */
#ifndef STSM_PAGE_H
#define STSM_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE_BYTES 4096u
#define PAGE_HEADER_BYTES 24u
#define PAGE_PAYLOAD_WORDS ((PAGE_BYTES - PAGE_HEADER_BYTES) / 8u)
#define PAGES_PER_MIB 256u

/* A touch rewrites the header and the first payload words. The rest of the payload belongs to the page, not to the
 * generation, so that the whole content follows from (seed, number, generation, bytes per touch, entropy). */
struct page {
	uint64_t number;
	uint64_t generation;
	uint64_t checksum;
	uint64_t payload[PAGE_PAYLOAD_WORDS];
};

struct page_recipe {
	uint64_t seed;
	uint64_t entropy_mask;  /* bits of a payload word that are random */
	uint32_t touched_words; /* payload words written by a touch */
};

enum page_state {
	PAGE_RIGHT,
	PAGE_BAD_CHECKSUM,
	PAGE_WRONG_NUMBER,
	PAGE_STALE_GENERATION,
	PAGE_BAD_PAYLOAD,
};

/* bytes_per_touch: 24..4096, a multiple of 8. entropy_bits_per_byte: 0..8, in steps of 1/8. */
struct page_recipe page_recipe_make(uint64_t seed, uint32_t bytes_per_touch, double entropy_bits_per_byte);

/* Write the whole page as it is at this generation. */
void page_fill(struct page *page, const struct page_recipe *recipe, uint64_t number, uint64_t generation);

/* Bring the page from its present generation to this one. The checksum is carried on from the words that are
 * overwritten: damage done before the touch stays visible after it. */
void page_touch(struct page *page, const struct page_recipe *recipe, uint64_t number, uint64_t generation);

/* Read what a touch would write; the value is of no interest, reading is. */
uint64_t page_read(const struct page *page, const struct page_recipe *recipe);

/* Header only: does the page say that it is this number at this generation? */
bool page_is_current(const struct page *page, uint64_t number, uint64_t generation);

/* Whole page. */
enum page_state page_check(const struct page *page, const struct page_recipe *recipe, uint64_t number,
			   uint64_t generation);

/* "bad-checksum", ... */
const char *page_state_name(enum page_state state);

#endif
