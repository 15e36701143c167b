/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* Cuts a stream of bytes into lines. */
#ifndef STSM_LINES_H
#define STSM_LINES_H

#include "command.h"

#include <stdbool.h>
#include <stddef.h>

enum lines_event { LINES_MORE, LINES_COMPLETE, LINES_TOO_LONG };

struct lines {
	char data[COMMAND_LINE_BYTES]; /* without the line end, with a 0 byte when complete */
	size_t length;
	bool too_long;
};

/* Take one byte. Complete: data holds a line that is not empty. Too long: the end of a line that did not fit. */
enum lines_event lines_take(struct lines *lines, char byte);

/* Forget an unfinished line. */
void lines_reset(struct lines *lines);

#endif
