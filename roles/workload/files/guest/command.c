/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "command.h"

#include "number.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAXIMUM_RATE_MIB_PER_SECOND 1e6
#define MAXIMUM_GRAIN_MS 100u
#define MAXIMUM_WORKING_SET_MIB 1048576u
#define WORDS_MAXIMUM 16u

struct word {
	const char *key;
	const char *value;
};

static const char *const command_names[COMMAND_KINDS] = {
	[COMMAND_CONFIGURE] = "configure", [COMMAND_MARK] = "mark",     [COMMAND_REPORT] = "report",
	[COMMAND_VERIFY] = "verify",       [COMMAND_INJECT] = "inject",
};

struct settings settings_default(uint32_t working_set_mib)
{
	return (struct settings){
		.grain_ms = 1,
		.working_set_mib = working_set_mib,
		.pattern = PATTERN_IDLE,
		.bytes_per_touch = 64,
		.entropy_bits_per_byte = 8.0,
		.hot_set_percent = 10.0,
		.hot_touch_percent = 90.0,
	};
}

static bool take_uint(const struct word *word, uint64_t low, uint64_t high, uint64_t *value, char *message)
{
	if (number_parse_uint(word->value, value) && *value >= low && *value <= high)
		return true;
	snprintf(message, COMMAND_MESSAGE_BYTES, "%.40s is '%.40s': give a whole number from %" PRIu64 " to %" PRIu64,
		 word->key, word->value, low, high);
	return false;
}

static bool take_uint32(const struct word *word, uint32_t low, uint32_t high, uint32_t *value, char *message)
{
	uint64_t wide;

	if (!take_uint(word, low, high, &wide, message))
		return false;
	*value = (uint32_t)wide;
	return true;
}

static bool take_decimal(const struct word *word, double low, double high, double *value, char *message)
{
	if (number_parse_decimal(word->value, value) && *value >= low && *value <= high)
		return true;
	snprintf(message, COMMAND_MESSAGE_BYTES, "%.40s is '%.40s': give a number from %g to %g", word->key,
		 word->value, low, high);
	return false;
}

static bool take_pattern(const struct word *word, enum pattern_kind *pattern, char *message)
{
	for (int kind = 0; kind < PATTERN_KINDS; kind++) {
		if (strcmp(word->value, pattern_name((enum pattern_kind)kind)) == 0) {
			*pattern = (enum pattern_kind)kind;
			return true;
		}
	}
	snprintf(message, COMMAND_MESSAGE_BYTES,
		 "pattern is '%.40s': give sequential, random, hot-set, read-only or idle", word->value);
	return false;
}

static bool take_bytes_per_touch(const struct word *word, uint32_t *value, char *message)
{
	if (!take_uint32(word, PAGE_HEADER_BYTES, PAGE_BYTES, value, message))
		return false;
	if (*value % 8u == 0)
		return true;
	snprintf(message, COMMAND_MESSAGE_BYTES, "bytes_per_touch is %" PRIu32 ": give a multiple of 8", *value);
	return false;
}

static bool refuse_key(const struct word *word, const char *command, char *message)
{
	snprintf(message, COMMAND_MESSAGE_BYTES, "the key '%.40s' is unknown to %s: leave it out", word->key, command);
	return false;
}

static bool take_setting(const struct word *word, struct settings *settings, char *message)
{
	if (strcmp(word->key, "rate_mib_per_second") == 0)
		return take_decimal(word, 0.0, MAXIMUM_RATE_MIB_PER_SECOND, &settings->rate_mib_per_second, message);
	if (strcmp(word->key, "grain_ms") == 0)
		return take_uint32(word, 1, MAXIMUM_GRAIN_MS, &settings->grain_ms, message);
	if (strcmp(word->key, "working_set_mib") == 0)
		return take_uint32(word, 1, MAXIMUM_WORKING_SET_MIB, &settings->working_set_mib, message);
	if (strcmp(word->key, "pattern") == 0)
		return take_pattern(word, &settings->pattern, message);
	if (strcmp(word->key, "bytes_per_touch") == 0)
		return take_bytes_per_touch(word, &settings->bytes_per_touch, message);
	if (strcmp(word->key, "entropy_bits_per_byte") == 0)
		return take_decimal(word, 0.0, 8.0, &settings->entropy_bits_per_byte, message);
	if (strcmp(word->key, "hot_set_percent") == 0)
		return take_decimal(word, 0.0, 100.0, &settings->hot_set_percent, message);
	if (strcmp(word->key, "hot_touch_percent") == 0)
		return take_decimal(word, 0.0, 100.0, &settings->hot_touch_percent, message);
	return refuse_key(word, "configure", message);
}

static bool take_fault(const struct word *word, enum memory_injection *injection, char *message)
{
	if (strcmp(word->value, "stale") == 0) {
		*injection = MEMORY_INJECT_STALE;
		return true;
	}
	if (strcmp(word->value, "corrupt") == 0) {
		*injection = MEMORY_INJECT_CORRUPT;
		return true;
	}
	snprintf(message, COMMAND_MESSAGE_BYTES, "fault is '%.40s': give stale or corrupt", word->value);
	return false;
}

static bool take_injection(const struct word *word, struct command *command, char *message)
{
	const uint64_t page_count = (uint64_t)command->settings.working_set_mib * PAGES_PER_MIB;

	if (strcmp(word->key, "page") == 0)
		return take_uint(word, 0, page_count - 1u, &command->page, message);
	if (strcmp(word->key, "fault") == 0)
		return take_fault(word, &command->injection, message);
	return refuse_key(word, "inject", message);
}

static const char *find(const struct word *words, size_t count, const char *key)
{
	for (size_t index = 0; index < count; index++)
		if (strcmp(words[index].key, key) == 0)
			return words[index].value;
	return NULL;
}

/* Cut the line into words. Returns false with a message when it is not made of key=value words. */
static bool split(char *line, struct word *words, size_t *count, char *message)
{
	char *rest = line;

	*count = 0;
	for (char *word = strtok_r(rest, " \t\r", &rest); word != NULL; word = strtok_r(NULL, " \t\r", &rest)) {
		char *equals = strchr(word, '=');

		if (equals == NULL || equals == word) {
			snprintf(message, COMMAND_MESSAGE_BYTES, "the word '%.40s' is not of the form key=value", word);
			return false;
		}
		*equals = '\0';
		if (find(words, *count, word) != NULL) {
			snprintf(message, COMMAND_MESSAGE_BYTES, "the key '%.40s' is given twice: give it once", word);
			return false;
		}
		if (*count == WORDS_MAXIMUM) {
			snprintf(message, COMMAND_MESSAGE_BYTES, "the line has more than %u words", WORDS_MAXIMUM);
			return false;
		}
		words[(*count)++] = (struct word){.key = word, .value = equals + 1};
	}
	return true;
}

static bool take_head(const struct word *words, size_t count, struct command *command, char *message)
{
	const char *name = find(words, count, "command");
	const struct word id = {.key = "id", .value = find(words, count, "id")};

	if (id.value == NULL) {
		snprintf(message, COMMAND_MESSAGE_BYTES, "the line has no id: begin it with id=NUMBER");
		return false;
	}
	if (!take_uint(&id, 0, INT64_MAX, &command->id, message))
		return false;
	command->has_id = true;
	for (int kind = 0; name != NULL && kind < COMMAND_KINDS; kind++) {
		if (strcmp(name, command_names[kind]) == 0) {
			command->kind = (enum command_kind)kind;
			return true;
		}
	}
	snprintf(message, COMMAND_MESSAGE_BYTES,
		 "the command is '%.40s': give command=configure, mark, report, verify or inject",
		 name == NULL ? "" : name);
	return false;
}

static bool take_word(const struct word *word, struct command *command, char *message)
{
	if (strcmp(word->key, "id") == 0 || strcmp(word->key, "command") == 0)
		return true;
	if (command->kind == COMMAND_CONFIGURE)
		return take_setting(word, &command->settings, message);
	if (command->kind == COMMAND_INJECT)
		return take_injection(word, command, message);
	return refuse_key(word, command_names[command->kind], message);
}

bool command_parse(char *line, const struct settings *present, struct command *command,
		   char message[COMMAND_MESSAGE_BYTES])
{
	struct word words[WORDS_MAXIMUM];
	size_t count;

	*command = (struct command){.settings = *present};
	if (!split(line, words, &count, message) || !take_head(words, count, command, message))
		return false;
	for (size_t index = 0; index < count; index++)
		if (!take_word(&words[index], command, message))
			return false;
	if (command->kind == COMMAND_INJECT
	    && (find(words, count, "page") == NULL || find(words, count, "fault") == NULL)) {
		snprintf(message, COMMAND_MESSAGE_BYTES, "inject needs page=NUMBER and fault=stale or fault=corrupt");
		return false;
	}
	return true;
}
