/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "command.h"
#include "hosted.h"
#include "lines.h"
#include "number.h"
#include "options.h"

#include <stdio.h>
#include <string.h>

static bool parse(const char *line, struct command *command, char message[COMMAND_MESSAGE_BYTES])
{
	const struct settings present = settings_default(256);
	char copy[COMMAND_LINE_BYTES];

	snprintf(copy, sizeof(copy), "%s", line);
	return command_parse(copy, &present, command, message);
}

static void command_configure_keeps_what_is_left_out(void)
{
	struct command command;
	char message[COMMAND_MESSAGE_BYTES];

	CHECK(parse("id=3 command=configure rate_mib_per_second=12.5 pattern=hot-set", &command, message));
	CHECK(command.has_id && command.id == 3 && command.kind == COMMAND_CONFIGURE);
	CHECK(command.settings.rate_mib_per_second > 12.4 && command.settings.rate_mib_per_second < 12.6);
	CHECK(command.settings.pattern == PATTERN_HOT_SET);
	CHECK(command.settings.working_set_mib == 256 && command.settings.bytes_per_touch == 64);
}

static void command_configure_takes_all_keys(void)
{
	struct command command;
	char message[COMMAND_MESSAGE_BYTES];

	CHECK(parse("id=1 command=configure rate_mib_per_second=100 working_set_mib=128 pattern=sequential "
		    "bytes_per_touch=4096 entropy_bits_per_byte=4.5 hot_set_percent=10 hot_touch_percent=90\r",
		    &command, message));
	CHECK(command.settings.working_set_mib == 128 && command.settings.bytes_per_touch == 4096);
}

static void command_inject_knows_its_pages(void)
{
	struct command command;
	char message[COMMAND_MESSAGE_BYTES];

	CHECK(parse("id=5 command=inject page=65535 fault=corrupt", &command, message));
	CHECK(command.page == 65535 && command.injection == MEMORY_INJECT_CORRUPT);
	CHECK(!parse("id=5 command=inject page=65536 fault=corrupt", &command, message));
	CHECK(strstr(message, "from 0 to 65535") != NULL);
}

static void command_refuses_with_a_sentence(void)
{
	static const struct {
		const char *line;
		const char *said;
	} cases[] = {
		{"command=mark", "no id"},
		{"id=-1 command=mark", "id is '-1'"},
		{"id=1", "the command is ''"},
		{"id=1 command=fly", "the command is 'fly'"},
		{"id=1 command=mark page=3", "'page' is unknown to mark"},
		{"id=1 command=configure rate=3", "'rate' is unknown to configure"},
		{"id=1 command=configure rate_mib_per_second=-3", "rate_mib_per_second is '-3'"},
		{"id=1 command=configure rate_mib_per_second=nan", "rate_mib_per_second is 'nan'"},
		{"id=1 command=configure rate_mib_per_second=1.2.3", "rate_mib_per_second is '1.2.3'"},
		{"id=1 command=configure working_set_mib=0", "working_set_mib is '0'"},
		{"id=1 command=configure working_set_mib=99999999999999999999", "working_set_mib is"},
		{"id=1 command=configure bytes_per_touch=16", "bytes_per_touch is '16'"},
		{"id=1 command=configure bytes_per_touch=65", "a multiple of 8"},
		{"id=1 command=configure entropy_bits_per_byte=8.5", "entropy_bits_per_byte is '8.5'"},
		{"id=1 command=configure hot_set_percent=101", "hot_set_percent is '101'"},
		{"id=1 command=configure pattern=zigzag", "pattern is 'zigzag'"},
		{"id=1 command=configure pattern=idle pattern=idle", "given twice"},
		{"id=1 command=inject page=3", "inject needs"},
		{"id=1 command=inject page=3 fault=strange", "fault is 'strange'"},
		{"id=1 command=verify now", "'now' is not of the form"},
		{"id=1 a=1 b=1 c=1 d=1 e=1 f=1 g=1 h=1 i=1 j=1 k=1 l=1 m=1 n=1 o=1 p=1", "more than 16 words"},
	};

	for (size_t index = 0; index < COUNT_OF(cases); index++) {
		struct command command;
		char message[COMMAND_MESSAGE_BYTES] = "";

		CHECK(!parse(cases[index].line, &command, message));
		if (strstr(message, cases[index].said) == NULL) {
			fprintf(stderr, "%s -> %s\n", cases[index].line, message);
			CHECK(!"the sentence names the fault");
		}
	}
}

static void command_survives_any_bytes(void)
{
	unsigned int state = 1;

	for (int round = 0; round < 20000; round++) {
		char line[80] = "id=1 command=configure ";
		char message[COMMAND_MESSAGE_BYTES];
		struct command command;

		for (size_t index = (size_t)round % 24u; index + 1u < sizeof(line); index++) {
			state = state * 1664525u + 1013904223u;
			line[index] = (char)(state >> 24);
		}
		line[sizeof(line) - 1u] = '\0';
		parse(line, &command, message);
	}
}

static enum lines_event feed(struct lines *lines, const char *text)
{
	enum lines_event event = LINES_MORE;

	for (; *text != '\0'; text++)
		event = lines_take(lines, *text);
	return event;
}

static void lines_are_cut_at_line_ends(void)
{
	struct lines lines = {0};

	CHECK(feed(&lines, "one") == LINES_MORE);
	CHECK(feed(&lines, " two\n") == LINES_COMPLETE && strcmp(lines.data, "one two") == 0);
	CHECK(feed(&lines, "\n") == LINES_MORE);
	CHECK(feed(&lines, "three\n") == LINES_COMPLETE && strcmp(lines.data, "three") == 0);
}

static void lines_half_a_line_can_be_forgotten(void)
{
	struct lines lines = {0};

	feed(&lines, "half");
	lines_reset(&lines);
	CHECK(feed(&lines, "whole\n") == LINES_COMPLETE && strcmp(lines.data, "whole") == 0);
}

static void lines_too_long_are_reported_once(void)
{
	struct lines lines = {0};

	for (int index = 0; index < 5000; index++)
		CHECK(lines_take(&lines, 'x') == LINES_MORE);
	CHECK(lines_take(&lines, '\n') == LINES_TOO_LONG);
	CHECK(feed(&lines, "next\n") == LINES_COMPLETE);
}

static void number_takes_plain_digits_only(void)
{
	uint64_t whole;
	double decimal;

	CHECK(number_parse_uint("18446744073709551615", &whole) && whole == UINT64_MAX);
	CHECK(!number_parse_uint("18446744073709551616", &whole));
	CHECK(!number_parse_uint("", &whole) && !number_parse_uint("+1", &whole) && !number_parse_uint("0x1", &whole));
	CHECK(number_parse_decimal("0.5", &decimal) && decimal > 0.49 && decimal < 0.51);
	CHECK(!number_parse_decimal("", &decimal) && !number_parse_decimal(".5", &decimal));
	CHECK(!number_parse_decimal("1e3", &decimal) && !number_parse_decimal("inf", &decimal));
}

static void options_are_read_among_others(void)
{
	char line[] = "console=ttyS0 stsm.address=198.18.2.100/24 stsm.working_set_mib=64 quiet stsm.seed=9\n";
	char message[OPTIONS_MESSAGE_BYTES];
	struct options options;

	CHECK(options_parse(line, &options, message));
	CHECK(options.has_address && options.address == 0xc6120264u && options.prefix_length == 24);
	CHECK(options.working_set_mib == 64 && options.seed == 9);
	CHECK(options.serial[0] == '\0');
}

static void options_name_a_serial_line(void)
{
	char line[] = "console=ttyS0 stsm.serial=ttyS1";
	char message[OPTIONS_MESSAGE_BYTES];
	struct options options;

	CHECK(options_parse(line, &options, message));
	CHECK(strcmp(options.serial, "/dev/ttyS1") == 0);
}

static void options_have_defaults(void)
{
	char line[] = "quiet";
	char message[OPTIONS_MESSAGE_BYTES];
	struct options options;

	CHECK(options_parse(line, &options, message));
	CHECK(!options.has_address && options.working_set_mib == 256 && options.seed == 1);
}

static void options_wrong_ones_are_named(void)
{
	const char *const lines[] = {"stsm.address=198.18.2.100", "stsm.address=1.2.3/24", "stsm.address=1.2.3.4/0",
				     "stsm.seed=x", "stsm.serial=tty1", "stsm.serial=ttyS4", "stsm.working_set_mib=0", "stsm.colour=red", "stsm.seed"};

	for (size_t index = 0; index < COUNT_OF(lines); index++) {
		char line[64];
		char message[OPTIONS_MESSAGE_BYTES] = "";
		struct options options;

		snprintf(line, sizeof(line), "%s", lines[index]);
		CHECK(!options_parse(line, &options, message));
		CHECK(strstr(message, "stsm.") != NULL);
	}
}

const struct hosted_test parser_tests[] = {
	HOSTED_TEST(command_configure_keeps_what_is_left_out),
	HOSTED_TEST(command_configure_takes_all_keys),
	HOSTED_TEST(command_inject_knows_its_pages),
	HOSTED_TEST(command_refuses_with_a_sentence),
	HOSTED_TEST(command_survives_any_bytes),
	HOSTED_TEST(lines_are_cut_at_line_ends),
	HOSTED_TEST(lines_half_a_line_can_be_forgotten),
	HOSTED_TEST(lines_too_long_are_reported_once),
	HOSTED_TEST(number_takes_plain_digits_only),
	HOSTED_TEST(options_are_read_among_others),
	HOSTED_TEST(options_have_defaults),
	HOSTED_TEST(options_name_a_serial_line),
	HOSTED_TEST(options_wrong_ones_are_named),
};
const size_t parser_test_count = COUNT_OF(parser_tests);
