/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "page.h"

#include <stddef.h>

#define GOLDEN_RATIO 0x9e3779b97f4a7c15ull
#define TAIL_GENERATION UINT64_MAX

/* Finaliser of splitmix64. */
static uint64_t mix(uint64_t value)
{
	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ull;
	value = (value ^ (value >> 27)) * 0x94d049bb133111ebull;
	return value ^ (value >> 31);
}

/* What stands for the page in checksum and streams; never 0 in practice, so a page of zeros never looks right. */
static uint64_t page_key(const struct page_recipe *recipe, uint64_t number)
{
	return mix(recipe->seed + number * GOLDEN_RATIO);
}

/* Share of the header in the checksum. Linear in the generation, so that a touch can carry the checksum on. */
static uint64_t header_sum(uint64_t key, uint64_t generation)
{
	return key + generation * GOLDEN_RATIO;
}

/* Start of a stream of payload words, never 0 because xorshift would stay there. */
static uint64_t stream_start(uint64_t key, uint64_t generation)
{
	return mix(header_sum(key, generation)) | 1u;
}

/* xorshift64: six cheap operations a word, which matters under emulation. */
static inline uint64_t stream_next(uint64_t state)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^ (state << 17);
}

struct page_recipe page_recipe_make(uint64_t seed, uint32_t bytes_per_touch, double entropy_bits_per_byte)
{
	struct page_recipe recipe = {
		.seed = mix(seed + GOLDEN_RATIO),
		.touched_words = (bytes_per_touch - PAGE_HEADER_BYTES) / 8u,
	};
	const uint32_t random_bits = (uint32_t)(entropy_bits_per_byte * 8.0 + 0.5);

	/* The bits are dealt out byte by byte, so that no byte has more than one bit more than another. */
	for (uint32_t bit = 0; bit < random_bits; bit++)
		recipe.entropy_mask |= 1ull << ((bit % 8u) * 8u + bit / 8u);
	return recipe;
}

void page_fill(struct page *page, const struct page_recipe *recipe, uint64_t number, uint64_t generation)
{
	const uint64_t key = page_key(recipe, number);
	uint64_t sum = header_sum(key, generation);
	uint64_t state = stream_start(key, generation);

	for (size_t word = 0; word < PAGE_PAYLOAD_WORDS; word++) {
		if (word == recipe->touched_words)
			state = stream_start(key, TAIL_GENERATION);
		state = stream_next(state);
		page->payload[word] = state & recipe->entropy_mask;
		sum += page->payload[word];
	}
	page->number = number;
	page->generation = generation;
	page->checksum = sum;
}

void page_touch(struct page *page, const struct page_recipe *recipe, uint64_t number, uint64_t generation)
{
	uint64_t sum = page->checksum + header_sum(0, generation - page->generation);
	uint64_t state = stream_start(page_key(recipe, number), generation);

	for (size_t word = 0; word < recipe->touched_words; word++) {
		state = stream_next(state);
		sum -= page->payload[word];
		page->payload[word] = state & recipe->entropy_mask;
		sum += page->payload[word];
	}
	page->number = number;
	page->generation = generation;
	page->checksum = sum;
}

uint64_t page_read(const struct page *page, const struct page_recipe *recipe)
{
	uint64_t sum = page->number + page->generation + page->checksum;

	for (size_t word = 0; word < recipe->touched_words; word++)
		sum += page->payload[word];
	return sum;
}

bool page_is_current(const struct page *page, uint64_t number, uint64_t generation)
{
	return page->number == number && page->generation == generation;
}

enum page_state page_check(const struct page *page, const struct page_recipe *recipe, uint64_t number,
			   uint64_t generation)
{
	const uint64_t key = page_key(recipe, number);
	uint64_t state = stream_start(key, generation);
	uint64_t difference = 0;
	uint64_t sum = header_sum(page_key(recipe, page->number), page->generation);

	for (size_t word = 0; word < PAGE_PAYLOAD_WORDS; word++) {
		if (word == recipe->touched_words)
			state = stream_start(key, TAIL_GENERATION);
		state = stream_next(state);
		difference |= page->payload[word] ^ (state & recipe->entropy_mask);
		sum += page->payload[word];
	}
	if (page->checksum != sum)
		return PAGE_BAD_CHECKSUM;
	if (page->number != number)
		return PAGE_WRONG_NUMBER;
	if (page->generation != generation)
		return PAGE_STALE_GENERATION;
	return difference == 0 ? PAGE_RIGHT : PAGE_BAD_PAYLOAD;
}

const char *page_state_name(enum page_state state)
{
	static const char *const names[] = {
		[PAGE_RIGHT] = "right",
		[PAGE_BAD_CHECKSUM] = "bad-checksum",
		[PAGE_WRONG_NUMBER] = "wrong-number",
		[PAGE_STALE_GENERATION] = "stale-generation",
		[PAGE_BAD_PAYLOAD] = "bad-payload",
	};

	return names[state];
}
