/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
#include "options.h"

#include "number.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "stsm."
#define DEFAULT_WORKING_SET_MIB 256u
#define MAXIMUM_MIB 1048576u

static bool parse_address(char *value, struct options *options)
{
	char *slash = strchr(value, '/');
	struct in_addr address;
	uint64_t prefix_length;

	if (slash == NULL)
		return false;
	*slash = '\0';
	if (inet_pton(AF_INET, value, &address) != 1 || !number_parse_uint(slash + 1, &prefix_length)
	    || prefix_length < 1 || prefix_length > 32)
		return false;
	options->has_address = true;
	options->address = ntohl(address.s_addr);
	options->prefix_length = (uint32_t)prefix_length;
	return true;
}

static bool parse_mib(const char *value, uint32_t *mib)
{
	uint64_t number;

	if (!number_parse_uint(value, &number) || number < 1 || number > MAXIMUM_MIB)
		return false;
	*mib = (uint32_t)number;
	return true;
}

/* ttyS0 to ttyS3, as many as a machine has. */
static bool parse_serial(const char *value, struct options *options)
{
	if (strlen(value) != 5 || strncmp(value, "ttyS", 4) != 0 || value[4] < '0' || value[4] > '3')
		return false;
	snprintf(options->serial, OPTIONS_SERIAL_BYTES, "/dev/%s", value);
	return true;
}

static bool parse_option(char *key, char *value, struct options *options)
{
	if (strcmp(key, PREFIX "address") == 0)
		return parse_address(value, options);
	if (strcmp(key, PREFIX "working_set_mib") == 0)
		return parse_mib(value, &options->working_set_mib);
	if (strcmp(key, PREFIX "written_disk_mib") == 0)
		return parse_mib(value, &options->written_disk_mib);
	if (strcmp(key, PREFIX "seed") == 0)
		return number_parse_uint(value, &options->seed);
	if (strcmp(key, PREFIX "serial") == 0)
		return parse_serial(value, options);
	return false;
}

bool options_parse(char *line, struct options *options, char message[OPTIONS_MESSAGE_BYTES])
{
	char *rest = line;

	*options = (struct options){.working_set_mib = DEFAULT_WORKING_SET_MIB, .seed = 1};
	for (char *word = strtok_r(rest, " \n", &rest); word != NULL; word = strtok_r(NULL, " \n", &rest)) {
		char *equals = strchr(word, '=');

		if (strncmp(word, PREFIX, strlen(PREFIX)) != 0)
			continue;
		if (equals != NULL)
			*equals = '\0';
		if (equals == NULL || !parse_option(word, equals + 1, options)) {
			snprintf(message, OPTIONS_MESSAGE_BYTES,
				 "the kernel command line has a wrong '%.60s': give stsm.address=A.B.C.D/LENGTH, "
				 "stsm.working_set_mib=NUMBER, stsm.written_disk_mib=NUMBER, stsm.seed=NUMBER or "
				 "stsm.serial=ttyS0",
				 word);
			return false;
		}
	}
	return true;
}
