/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "control.h"

#include "answer.h"
#include "channel.h"
#include "clock.h"
#include "command.h"
#include "fatal.h"
#include "lines.h"
#include "port.h"
#include "text.h"
#include "worker.h"

#include <fcntl.h>
#include <unistd.h>

/* A report of 120 s at 10 ms grain has 12,000 numbers of up to 13 characters. */
#define ANSWER_BYTES 262144u
/* Nobody is connected to the port most of the time; then read says so at once and a wait is needed. */
#define NOBODY_THERE_MS 20u

static struct settings present;
static char answer_data[ANSWER_BYTES];

static void answer(char *line)
{
	static struct outcome outcome;
	struct command command;
	struct text text = text_make(answer_data, sizeof(answer_data));
	char message[COMMAND_MESSAGE_BYTES];

	if (!command_parse(line, &present, &command, message)) {
		answer_refuse(&text, &command, message);
		channel_post("refused", text.data);
		return;
	}
	worker_execute(&command, &outcome);
	if (outcome.refused) {
		answer_refuse(&text, &command, outcome.message);
		channel_post("refused", text.data);
		return;
	}
	if (command.kind == COMMAND_CONFIGURE)
		present = outcome.settings;
	answer_write(&text, &command, &outcome);
	channel_post(answer_kind(&command), text.data);
}

static void refuse_long_line(void)
{
	struct text text = text_make(answer_data, sizeof(answer_data));
	const struct command nameless = {.has_id = false};

	answer_refuse(&text, &nameless, "the line is too long: give at most 1023 characters");
	channel_post("refused", text.data);
}

static void take(struct lines *lines, const char *bytes, size_t length)
{
	for (size_t index = 0; index < length; index++) {
		switch (lines_take(lines, bytes[index])) {
		case LINES_COMPLETE:
			answer(lines->data);
			break;
		case LINES_TOO_LONG:
			refuse_long_line();
			break;
		default:
			break;
		}
	}
}

int control_open(const char *port_name)
{
	const int port = port_open(port_name, O_RDONLY);

	if (port < 0)
		fatal("no port %s could be opened: give the domain a virtio-serial channel of this name, or a serial line",
		      port_name);
	return port;
}

void control_run(int port, uint32_t working_set_mib)
{
	static struct lines lines;

	present = settings_default(working_set_mib);
	for (;;) {
		char bytes[512];
		const ssize_t length = read(port, bytes, sizeof(bytes));

		if (length > 0) {
			take(&lines, bytes, (size_t)length);
			continue;
		}
		/* Half a line from somebody who left must not become the head of the next one's. */
		lines_reset(&lines);
		clock_sleep_ms(NOBODY_THERE_MS);
	}
}
