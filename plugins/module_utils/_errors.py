# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of the measuring instrument. They know nothing of Ansible."""

from __future__ import annotations


class InstrumentError(Exception):
    """Anything the instrument refuses or cannot do, told in one sentence.

    The sentence says what was found, what was needed and, where the reader can cure it, what to set; it is shown to
    the user as it is, so it needs no trace to be understood.
    """


class ScenarioError(InstrumentError):
    """A scenario that cannot be measured as it was asked for."""


class RecordError(InstrumentError):
    """A run record that cannot be written, read or understood."""
