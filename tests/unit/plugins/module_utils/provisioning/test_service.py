# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Programs are recognised by their command line and end when they are told to."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from ansible_collections.stsm.live_migration.plugins.module_utils._provisioning import _service

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)


def test_a_program_is_found_by_name_and_argument() -> None:
    with subprocess.Popen(["sleep", "61.125"]) as sleeper:
        try:
            # Popen returns when the program is loaded; its command line is to be read a moment later.
            while not Path(f"/proc/{sleeper.pid}/cmdline").read_bytes():
                time.sleep(0.001)
            assert _service.find("sleep", "61.125") == [sleeper.pid]
            assert _service.find("sleep", "61.12") == []
            assert _service.find("slee", "61.125") == []
        finally:
            sleeper.kill()


def test_one_that_ignores_the_first_signal_gets_the_next() -> None:
    with subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE) as stubborn:
        assert stubborn.stdout is not None
        stubborn.stdout.readline()
        assert _service.stop([stubborn.pid], [signal.SIGTERM], 0.2) == [stubborn.pid]
        began = time.monotonic()
        assert _service.stop([stubborn.pid], [signal.SIGTERM, signal.SIGKILL], 0.2) == []
        assert time.monotonic() - began < 5
        assert stubborn.wait() == -signal.SIGKILL
