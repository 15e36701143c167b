/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* What leaves the guest: text, ring, report, echo. */
#include "answer_report.h"
#include "echo.h"
#include "hosted.h"
#include "ring.h"
#include "text.h"

#include <string.h>

static void text_escapes_json(void)
{
	char data[64];
	struct text text = text_make(data, sizeof(data));

	text_add_json_string(&text, "a\"b\\c\n\xc3");
	CHECK(strcmp(data, "\"a\\\"b\\\\c\\u000a\\u00c3\"") == 0);
}

static void text_is_cut_whole(void)
{
	char data[8];
	struct text text = text_make(data, sizeof(data));

	text_add(&text, "1234");
	text_add(&text, "5678");
	CHECK(text.cut && strcmp(data, "1234") == 0);
}

static void ring_gives_back_what_was_put(void)
{
	char data[10];
	char out[10];
	struct ring ring = {.data = data, .capacity = sizeof(data)};

	for (int round = 0; round < 50; round++) {
		CHECK(ring_put(&ring, "abcd", 4));
		CHECK(ring_put(&ring, "efg", 3));
		CHECK(!ring_put(&ring, "hijk", 4));
		CHECK(ring_peek(&ring, out, 5) == 5 && memcmp(out, "abcde", 5) == 0);
		ring_drop(&ring, 5);
		CHECK(ring_peek(&ring, out, sizeof(out)) == 2 && memcmp(out, "fg", 2) == 0);
		ring_drop(&ring, 2);
	}
}

static void report_has_exact_series(void)
{
	static struct window window;
	char data[4096];
	struct text text = text_make(data, sizeof(data));

	window_clear(&window, 0);
	for (int touch = 0; touch < 257; touch++)
		window_touch(&window, 0, 1);
	window_touch(&window, 1, 10000001);
	answer_report_write(&text, &window, 20000000);
	CHECK(!text.cut);
	CHECK(strstr(data, "\"grain_ms\":10,\"series_start_ns\":0,\"series_mib\":[1.00390625,0.00390625]") != NULL);
	CHECK(strstr(data, "\"touched_pages\":258") != NULL);
	CHECK(strstr(data, "\"achieved_mib_per_second\":50.390625,") != NULL);
}

static void echo_answers_its_own_probes(void)
{
	const uint8_t request[64] = {'S', 'T', 'S', 'M', 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 3, 99};
	uint8_t answer[ECHO_BYTES];

	CHECK(echo_answer(request, sizeof(request), 0x0102030405060708u, 7, answer) == ECHO_BYTES);
	CHECK(memcmp(answer, request, 16) == 0 && answer[16] == 8 && answer[23] == 1 && answer[24] == 7);
	CHECK(answer[32] == 0 && answer[63] == 0);
	CHECK(echo_answer(request, 15, 1, 1, answer) == 0);
	CHECK(echo_answer((const uint8_t *)"XTSM............", 16, 1, 1, answer) == 0);
}

const struct hosted_test output_tests[] = {
	HOSTED_TEST(text_escapes_json),
	HOSTED_TEST(text_is_cut_whole),
	HOSTED_TEST(ring_gives_back_what_was_put),
	HOSTED_TEST(report_has_exact_series),
	HOSTED_TEST(echo_answers_its_own_probes),
};
const size_t output_test_count = COUNT_OF(output_tests);
