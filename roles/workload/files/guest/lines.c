/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "lines.h"

void lines_reset(struct lines *lines)
{
	lines->length = 0;
	lines->too_long = false;
}

static enum lines_event finish(struct lines *lines)
{
	const bool too_long = lines->too_long;
	const bool empty = lines->length == 0;

	lines->data[lines->length] = '\0';
	lines_reset(lines);
	if (too_long)
		return LINES_TOO_LONG;
	return empty ? LINES_MORE : LINES_COMPLETE;
}

enum lines_event lines_take(struct lines *lines, char byte)
{
	if (byte == '\n')
		return finish(lines);
	if (lines->length + 1u == sizeof(lines->data))
		lines->too_long = true;
	else
		lines->data[lines->length++] = byte;
	return LINES_MORE;
}
