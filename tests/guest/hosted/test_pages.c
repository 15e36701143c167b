/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "hosted.h"
#include "memory.h"
#include "page.h"

#include <string.h>

#define FREE_BYTES (64u * 1048576u)

static struct page_recipe recipe(void)
{
	return page_recipe_make(7, 64, 8.0);
}

static void page_filled_is_right(void)
{
	const struct page_recipe made = recipe();
	struct page page;

	page_fill(&page, &made, 17, 3);
	CHECK(page_check(&page, &made, 17, 3) == PAGE_RIGHT);
}

static void page_touched_equals_page_filled(void)
{
	const uint32_t sizes[] = {24, 32, 64, 1024, 4088, 4096};

	for (size_t index = 0; index < COUNT_OF(sizes); index++) {
		const struct page_recipe made = page_recipe_make(7, sizes[index], 5.5);
		struct page touched;
		struct page filled;

		page_fill(&touched, &made, 9, 0);
		for (uint64_t generation = 1; generation <= 5; generation++)
			page_touch(&touched, &made, 9, generation);
		page_fill(&filled, &made, 9, 5);
		CHECK(memcmp(&touched, &filled, sizeof(touched)) == 0);
	}
}

static void page_touch_writes_only_its_bytes(void)
{
	const struct page_recipe made = recipe();
	struct page before;
	struct page after;

	page_fill(&before, &made, 9, 0);
	after = before;
	page_touch(&after, &made, 9, 1);
	CHECK(memcmp(&before, &after, 64) != 0);
	CHECK(memcmp((char *)&before + 64, (char *)&after + 64, PAGE_BYTES - 64) == 0);
}

static void page_every_bit_counts(void)
{
	const struct page_recipe made = recipe();
	struct page page;

	page_fill(&page, &made, 17, 3);
	for (size_t bit = 0; bit < PAGE_BYTES * 8u; bit++) {
		unsigned char *byte = (unsigned char *)&page + bit / 8u;

		*byte = (unsigned char)(*byte ^ (1u << (bit % 8u)));
		CHECK(page_check(&page, &made, 17, 3) == PAGE_BAD_CHECKSUM);
		*byte = (unsigned char)(*byte ^ (1u << (bit % 8u)));
	}
}

static void page_of_zeros_is_wrong(void)
{
	const struct page_recipe made = recipe();
	const struct page page = {0};

	CHECK(page_check(&page, &made, 0, 0) == PAGE_BAD_CHECKSUM);
}

static void page_damage_survives_a_touch(void)
{
	const struct page_recipe made = recipe();
	struct page page;

	page_fill(&page, &made, 17, 3);
	page.payload[0] ^= 4u;
	page_touch(&page, &made, 17, 4);
	CHECK(page_check(&page, &made, 17, 4) == PAGE_BAD_CHECKSUM);
}

static void page_states_are_told_apart(void)
{
	const struct page_recipe made = recipe();
	struct page page;

	page_fill(&page, &made, 18, 3);
	CHECK(page_check(&page, &made, 17, 3) == PAGE_WRONG_NUMBER);
	page_fill(&page, &made, 17, 2);
	CHECK(page_check(&page, &made, 17, 3) == PAGE_STALE_GENERATION);
	page_fill(&page, &made, 17, 3);
	page.payload[5]++;
	page.payload[6]--;
	CHECK(page_check(&page, &made, 17, 3) == PAGE_BAD_PAYLOAD);
}

static void page_entropy_sets_the_random_bits(void)
{
	const double entropies[] = {0.0, 1.0, 4.5, 8.0};
	const int bits[] = {0, 8, 36, 64};

	for (size_t index = 0; index < COUNT_OF(entropies); index++) {
		const struct page_recipe made = page_recipe_make(7, 64, entropies[index]);
		struct page page;
		uint64_t seen = 0;

		page_fill(&page, &made, 1, 1);
		for (size_t word = 0; word < PAGE_PAYLOAD_WORDS; word++)
			seen |= page.payload[word];
		CHECK(__builtin_popcountll(seen) == bits[index]);
	}
}

static struct memory memory_of_one_mib(void)
{
	const struct page_recipe made = recipe();
	struct memory memory = {0};
	char message[256];

	CHECK(memory_prepare(&memory, 1, &made, FREE_BYTES, message, sizeof(message)));
	CHECK(memory.page_count == PAGES_PER_MIB);
	return memory;
}

static void memory_touched_is_right(void)
{
	struct memory memory = memory_of_one_mib();

	for (uint64_t page = 0; page < memory.page_count; page += 3)
		memory_touch(&memory, page);
	CHECK(memory_verify(&memory).wrong_count == 0);
}

static void memory_injections_are_found(void)
{
	struct memory memory = memory_of_one_mib();
	struct memory_faults faults;

	memory_inject(&memory, 17, MEMORY_INJECT_STALE);
	memory_inject(&memory, 200, MEMORY_INJECT_CORRUPT);
	faults = memory_verify(&memory);
	CHECK(faults.wrong_count == 2);
	CHECK(faults.wrong[0].page == 17 && faults.wrong[0].state == PAGE_STALE_GENERATION);
	CHECK(faults.wrong[0].expected_generation == 1 && faults.wrong[0].found_generation == 0);
	CHECK(faults.wrong[1].page == 200 && faults.wrong[1].state == PAGE_BAD_CHECKSUM);
}

static void memory_stale_page_is_noticed_by_a_touch(void)
{
	struct memory memory = memory_of_one_mib();
	struct memory_faults faults;

	memory_inject(&memory, 17, MEMORY_INJECT_STALE);
	memory_touch(&memory, 17);
	faults = memory_verify(&memory);
	CHECK(faults.wrong_count == 1);
	CHECK(faults.wrong[0].page == 17 && faults.wrong[0].state == PAGE_STALE_GENERATION);
}

static void memory_counts_more_faults_than_it_keeps(void)
{
	struct memory memory = memory_of_one_mib();

	for (uint64_t page = 0; page < 40; page++)
		memory_inject(&memory, page, MEMORY_INJECT_CORRUPT);
	CHECK(memory_verify(&memory).wrong_count == 40);
}

static void memory_too_large_keeps_the_old_one(void)
{
	struct memory memory = memory_of_one_mib();
	const struct page_recipe made = recipe();
	char message[256];

	CHECK(!memory_prepare(&memory, 64, &made, FREE_BYTES, message, sizeof(message)));
	CHECK(strstr(message, "64 MiB was asked for") != NULL);
	CHECK(memory.page_count == PAGES_PER_MIB && memory_verify(&memory).wrong_count == 0);
}

const struct hosted_test page_tests[] = {
	HOSTED_TEST(page_filled_is_right),
	HOSTED_TEST(page_touched_equals_page_filled),
	HOSTED_TEST(page_touch_writes_only_its_bytes),
	HOSTED_TEST(page_every_bit_counts),
	HOSTED_TEST(page_of_zeros_is_wrong),
	HOSTED_TEST(page_damage_survives_a_touch),
	HOSTED_TEST(page_states_are_told_apart),
	HOSTED_TEST(page_entropy_sets_the_random_bits),
	HOSTED_TEST(memory_touched_is_right),
	HOSTED_TEST(memory_injections_are_found),
	HOSTED_TEST(memory_stale_page_is_noticed_by_a_touch),
	HOSTED_TEST(memory_counts_more_faults_than_it_keeps),
	HOSTED_TEST(memory_too_large_keeps_the_old_one),
};
const size_t page_test_count = COUNT_OF(page_tests);
