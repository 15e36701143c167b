/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright (c) 2026, the stsm.live_migration authors
 */
/* Outcomes of commands as JSON lines. */
#ifndef STSM_ANSWER_H
#define STSM_ANSWER_H

#include "command.h"
#include "text.h"
#include "worker.h"

/* Kind of the line: "configured", "report", ... */
const char *answer_kind(const struct command *command);

/* Members of the line, each after a comma. */
void answer_write(struct text *text, const struct command *command, const struct outcome *outcome);

/* Members of a line of kind "refused". */
void answer_refuse(struct text *text, const struct command *command, const char *message);

#endif
