/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>

struct text text_make(char *data, size_t capacity)
{
	data[0] = '\0';
	return (struct text){.data = data, .capacity = capacity};
}

void text_add(struct text *text, const char *format, ...)
{
	const size_t room = text->capacity - text->length;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text->data + text->length, room, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= room) {
		text->data[text->length] = '\0';
		text->cut = true;
		return;
	}
	text->length += (size_t)length;
}

void text_add_json_string(struct text *text, const char *value)
{
	text_add(text, "\"");
	for (const unsigned char *byte = (const unsigned char *)value; *byte != '\0'; byte++) {
		if (*byte == '"' || *byte == '\\')
			text_add(text, "\\%c", *byte);
		else if (*byte < 0x20 || *byte > 0x7e)
			text_add(text, "\\u%04x", *byte);
		else
			text_add(text, "%c", *byte);
	}
	text_add(text, "\"");
}

void text_add_number(struct text *text, double value)
{
	text_add(text, "%.10g", value);
}
