/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "answer.h"

#include "answer_report.h"
#include "clock.h"

#include <inttypes.h>

static void write_number(struct text *text, const char *key, double value)
{
	text_add(text, ",\"%s\":", key);
	text_add_number(text, value);
}

static void write_configured(struct text *text, const struct outcome *outcome)
{
	const struct settings *settings = &outcome->settings;

	write_number(text, "rate_mib_per_second", settings->rate_mib_per_second);
	text_add(text, ",\"grain_ms\":%" PRIu32, settings->grain_ms);
	text_add(text, ",\"working_set_mib\":%" PRIu32 ",\"pattern\":\"%s\",\"bytes_per_touch\":%" PRIu32,
		 settings->working_set_mib, pattern_name(settings->pattern), settings->bytes_per_touch);
	write_number(text, "entropy_bits_per_byte", settings->entropy_bits_per_byte);
	write_number(text, "hot_set_percent", settings->hot_set_percent);
	write_number(text, "hot_touch_percent", settings->hot_touch_percent);
	text_add(text, ",\"pages\":%" PRIu64 ",\"refilled\":%s,\"duration_ms\":", outcome->page_count,
		 outcome->refilled ? "true" : "false");
	text_add_number(text, (double)outcome->duration_ns / NS_PER_MS);
}

static void write_fault(struct text *text, const struct memory_fault *fault)
{
	text_add(text,
		 "{\"page\":%" PRIu64 ",\"reason\":\"%s\",\"expected_generation\":%" PRIu64
		 ",\"found_generation\":%" PRIu64 "}",
		 fault->page, page_state_name(fault->state), fault->expected_generation, fault->found_generation);
}

static void write_verified(struct text *text, const struct outcome *outcome)
{
	const struct memory_faults *faults = &outcome->faults;

	text_add(text, ",\"pages\":%" PRIu64 ",\"wrong_count\":%" PRIu64 ",\"wrong\":[", outcome->page_count,
		 faults->wrong_count);
	for (uint64_t index = 0; index < faults->wrong_count && index < MEMORY_FAULTS_KEPT; index++) {
		text_add(text, index == 0 ? "" : ",");
		write_fault(text, &faults->wrong[index]);
	}
	text_add(text, "],\"disk_pages\":%" PRIu64 ",\"wrong_disk_count\":%" PRIu64, outcome->disk.page_count,
		 outcome->disk.wrong_count);
	write_number(text, "duration_ms", (double)outcome->duration_ns / NS_PER_MS);
}

static void write_injected(struct text *text, const struct command *command, const struct outcome *outcome)
{
	text_add(text,
		 ",\"page\":%" PRIu64 ",\"fault\":\"%s\",\"expected_generation\":%" PRIu64
		 ",\"found_generation\":%" PRIu64,
		 command->page, command->injection == MEMORY_INJECT_STALE ? "stale" : "corrupt",
		 outcome->injected.expected_generation, outcome->injected.found_generation);
}

const char *answer_kind(const struct command *command)
{
	static const char *const kinds[COMMAND_KINDS] = {
		[COMMAND_CONFIGURE] = "configured", [COMMAND_MARK] = "marked",     [COMMAND_REPORT] = "report",
		[COMMAND_VERIFY] = "verified",      [COMMAND_INJECT] = "injected",
	};

	return kinds[command->kind];
}

void answer_write(struct text *text, const struct command *command, const struct outcome *outcome)
{
	text_add(text, ",\"id\":%" PRIu64, command->id);
	switch (command->kind) {
	case COMMAND_CONFIGURE:
		write_configured(text, outcome);
		break;
	case COMMAND_MARK:
		text_add(text, ",\"window_start_ns\":%" PRIu64, outcome->now_ns);
		break;
	case COMMAND_REPORT:
		answer_report_write(text, &outcome->window, outcome->now_ns);
		break;
	case COMMAND_VERIFY:
		write_verified(text, outcome);
		break;
	default:
		write_injected(text, command, outcome);
		break;
	}
}

void answer_refuse(struct text *text, const struct command *command, const char *message)
{
	if (command->has_id)
		text_add(text, ",\"id\":%" PRIu64, command->id);
	else
		text_add(text, ",\"id\":null");
	text_add(text, ",\"message\":");
	text_add_json_string(text, message);
}
