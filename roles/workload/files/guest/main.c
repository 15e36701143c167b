/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* The guest of stsm.live_migration: init, touch loop, echo, and nothing else. */
#include "beacon.h"
#include "boot.h"
#include "channel.h"
#include "clock.h"
#include "control.h"
#include "disk.h"
#include "echo_server.h"
#include "fatal.h"
#include "network.h"
#include "options.h"
#include "page.h"
#include "text.h"
#include "worker.h"

#include <inttypes.h>
#include <sys/utsname.h>

#define PROTOCOL_VERSION 1
#define RESULTS_PORT "org.stsm.results"
#define CONTROL_PORT "org.stsm.control"

/* interface: its name, or NULL for a guest without a network. */
static void post_ready(const struct options *options, const char *interface)
{
	char data[512];
	struct text text = text_make(data, sizeof(data));
	struct utsname system = {0};

	uname(&system);
	text_add(&text, ",\"version\":%d,\"page_bytes\":%u,\"working_set_mib\":%" PRIu32 ",\"pages\":%" PRIu64,
		 PROTOCOL_VERSION, PAGE_BYTES, options->working_set_mib,
		 (uint64_t)options->working_set_mib * PAGES_PER_MIB);
	text_add(&text, ",\"boot_ms\":%" PRIu64 ",\"kernel\":", clock_now_ns() / NS_PER_MS);
	text_add_json_string(&text, system.release);
	text_add(&text, ",\"interface\":");
	if (interface == NULL)
		text_add(&text, "null");
	else
		text_add_json_string(&text, interface);
	channel_post("ready", text.data);
}

/* What is not ours to define, such as a cloud's guest, may have a serial line and no ports. */
static const char *port_of(const struct options *options, const char *name)
{
	return options->serial[0] != '\0' ? options->serial : name;
}

int main(void)
{
	char line[4096];
	char message[OPTIONS_MESSAGE_BYTES];
	char interface[NETWORK_NAME_BYTES] = "";
	struct options options;
	bool connected;
	int control;

	boot_mount();
	boot_read_command_line(line, sizeof(line));
	if (!options_parse(line, &options, message))
		fatal("%s", message);
	boot_load_modules();
	channel_start(port_of(&options, RESULTS_PORT));
	if (options.written_disk_mib > 0)
		disk_write(options.written_disk_mib, options.seed);
	connected = options.has_address && network_set_up(options.address, options.prefix_length, interface);
	worker_start(options.working_set_mib, options.seed);
	if (connected) {
		echo_server_start();
		beacon_start(interface);
	}
	/* Whoever reads that the guest is ready may speak to it at once. */
	control = control_open(port_of(&options, CONTROL_PORT));
	post_ready(&options, connected ? interface : NULL);
	control_run(control, options.working_set_mib);
}
