/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* One line of the control channel, parsed and checked. */
#ifndef STSM_COMMAND_H
#define STSM_COMMAND_H

#include "memory.h"
#include "pattern.h"

#include <stdbool.h>
#include <stdint.h>

#define COMMAND_MESSAGE_BYTES 256u
#define COMMAND_LINE_BYTES 1024u

enum command_kind { COMMAND_CONFIGURE, COMMAND_MARK, COMMAND_REPORT, COMMAND_VERIFY, COMMAND_INJECT, COMMAND_KINDS };

struct settings {
	double rate_mib_per_second; /* 0: as fast as one vCPU can */
	uint32_t grain_ms; /* how often the touch loop looks what is due */
	uint32_t working_set_mib;
	enum pattern_kind pattern;
	uint32_t bytes_per_touch;
	double entropy_bits_per_byte;
	double hot_set_percent;
	double hot_touch_percent;
};

struct command {
	bool has_id;
	uint64_t id;
	enum command_kind kind;
	struct settings settings;        /* configure: the present ones with the given ones over them */
	uint64_t page;                   /* inject */
	enum memory_injection injection; /* inject */
};

struct settings settings_default(uint32_t working_set_mib);

/* Parse a line of key=value words, which is cut up on the way. False when it is refused; then message holds one
 * sentence, and command->id is there when the line had one. */
bool command_parse(char *line, const struct settings *present, struct command *command,
		   char message[COMMAND_MESSAGE_BYTES]);

#endif
