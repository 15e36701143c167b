/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* What the touch loop is made of: pattern, pacer, window. */
#include "hosted.h"
#include "pacer.h"
#include "pattern.h"
#include "window.h"

#define MS UINT64_C(1000000)

static struct window window;

static void pattern_sequential_visits_all_in_order(void)
{
	struct pattern pattern = pattern_make(PATTERN_SEQUENTIAL, 3, 10, 90, 1);

	for (uint64_t round = 0; round < 7; round++)
		CHECK(pattern_next(&pattern) == round % 3u);
}

static void pattern_random_is_even(void)
{
	struct pattern pattern = pattern_make(PATTERN_RANDOM, 16, 10, 90, 1);
	unsigned int seen[16] = {0};

	for (int touch = 0; touch < 16000; touch++)
		seen[pattern_next(&pattern)]++;
	for (size_t page = 0; page < 16; page++)
		CHECK(seen[page] > 850 && seen[page] < 1150);
}

static void pattern_hot_set_gets_its_share(void)
{
	struct pattern pattern = pattern_make(PATTERN_HOT_SET, 1000, 10, 90, 1);
	unsigned int hot = 0;

	for (int touch = 0; touch < 10000; touch++) {
		const uint64_t page = pattern_next(&pattern);

		CHECK(page < 1000);
		hot += page < 100;
	}
	CHECK(hot > 8850 && hot < 9150);
}

static void pattern_hot_set_of_all_pages_is_random(void)
{
	struct pattern pattern = pattern_make(PATTERN_HOT_SET, 256, 100, 0, 1);

	for (int touch = 0; touch < 1000; touch++)
		CHECK(pattern_next(&pattern) < 256);
}

/* Touch what is due at each wake-up for a time; returns the pages touched. */
static uint64_t pace(double pages_per_second, uint64_t step_ns, uint64_t duration_ns)
{
	struct pacer pacer = pacer_make(pages_per_second, MS, 0);
	uint64_t touched = 0;

	for (uint64_t now_ns = step_ns; now_ns <= duration_ns; now_ns += step_ns) {
		const uint64_t due = pacer_due(&pacer, now_ns);

		pacer_spend(&pacer, due);
		touched += due;
	}
	return touched;
}

static void pacer_keeps_the_rate(void)
{
	const double rates[] = {10, 256, 2560, 25600, 512000};

	for (size_t index = 0; index < COUNT_OF(rates); index++) {
		const double touched = (double)pace(rates[index], MS, 2000 * MS);

		CHECK(touched >= rates[index] * 2.0 - 1.0 && touched <= rates[index] * 2.002 + 1.0);
	}
}

static void pacer_does_not_lose_the_first_grain(void)
{
	struct pacer pacer = pacer_make(512000, MS, 5 * MS);

	CHECK(pacer_due(&pacer, 5 * MS) == 512);
}

static void pacer_makes_up_for_short_pauses_only(void)
{
	CHECK(pace(256000, 8 * MS, 2000 * MS) >= 511000);
	CHECK(pace(256000, 20 * MS, 2000 * MS) <= 256256);
}

static void pacer_with_longer_grains_makes_up_for_longer_pauses(void)
{
	struct pacer pacer = pacer_make(256000, 10 * MS, 0);

	pacer_spend(&pacer, pacer_due(&pacer, 10 * MS));
	CHECK(pacer_due(&pacer, 90 * MS) == 20480);
	CHECK(pacer_due(&pacer, 900 * MS) == 25600);
	pacer_schedule(&pacer, 11 * MS);
	CHECK(pacer.deadline_ns == 20 * MS);
}

static void pacer_wakes_up_on_its_raster(void)
{
	struct pacer pacer = pacer_make(1000, MS, 100);

	pacer_schedule(&pacer, 100);
	CHECK(pacer.deadline_ns == 100 + MS);
	pacer_schedule(&pacer, 200);
	CHECK(pacer.deadline_ns == 100 + MS);
	pacer_schedule(&pacer, 7 * MS);
	CHECK(pacer.deadline_ns == 100 + 7 * MS);
}

static void window_counts_by_powers_of_two(void)
{
	window_clear(&window, 0);
	window_touch(&window, 0, 1);
	window_touch(&window, 1, 1024);
	window_touch(&window, 1024, 2048);
	window_touch(&window, 2048, 2048);
	CHECK(window.latency_log2_ns[0] == 2 && window.latency_log2_ns[9] == 1 && window.latency_log2_ns[10] == 1);
	CHECK(window.longest_touch_ns == 1024 && window.touched_pages == 4);
	window_touch(&window, 0, UINT64_C(1) << 45);
	CHECK(window.latency_log2_ns[40] == 1);
}

static void window_series_has_empty_grains(void)
{
	window_clear(&window, 0);
	window_touch(&window, 0, 5 * MS);
	window_touch(&window, 5 * MS, 31 * MS);
	window_advance(&window, 59 * MS);
	CHECK(window.grain == 5 && window_first_grain(&window) == 0);
	CHECK(window_grain_pages(&window, 0) == 1 && window_grain_pages(&window, 1) == 0);
	CHECK(window_grain_pages(&window, 3) == 1 && window_grain_pages(&window, 5) == 0);
}

static void window_keeps_the_last_120_seconds(void)
{
	window_clear(&window, 0);
	window_touch(&window, 0, 1);
	window_touch(&window, 1, 130000 * MS - 1);
	CHECK(window.grain == 12999 && window_first_grain(&window) == 1000);
	CHECK(window_grain_pages(&window, 12999) == 1 && window_grain_pages(&window, 1000) == 0);
	CHECK(window.touched_pages == 2);
}

static void window_keeps_the_first_pauses(void)
{
	window_clear(&window, 0);
	for (uint64_t pause = 0; pause < 100; pause++) {
		window_gap(&window, pause * 100 * MS, pause * 100 * MS + 10 * MS);
		window_gap(&window, pause * 100 * MS, pause * 100 * MS + 11 * MS);
	}
	CHECK(window.pause_count == 64);
	CHECK(window.pauses[63].start_ns == 6300 * MS && window.pauses[63].length_ns == 11 * MS);
}

const struct hosted_test loop_tests[] = {
	HOSTED_TEST(pattern_sequential_visits_all_in_order),
	HOSTED_TEST(pattern_random_is_even),
	HOSTED_TEST(pattern_hot_set_gets_its_share),
	HOSTED_TEST(pattern_hot_set_of_all_pages_is_random),
	HOSTED_TEST(pacer_keeps_the_rate),
	HOSTED_TEST(pacer_does_not_lose_the_first_grain),
	HOSTED_TEST(pacer_makes_up_for_short_pauses_only),
	HOSTED_TEST(pacer_with_longer_grains_makes_up_for_longer_pauses),
	HOSTED_TEST(pacer_wakes_up_on_its_raster),
	HOSTED_TEST(window_counts_by_powers_of_two),
	HOSTED_TEST(window_series_has_empty_grains),
	HOSTED_TEST(window_keeps_the_last_120_seconds),
	HOSTED_TEST(window_keeps_the_first_pauses),
};
const size_t loop_test_count = COUNT_OF(loop_tests);
