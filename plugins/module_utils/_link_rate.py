# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The migration link at a lower rate than it has, for as long as that is wanted."""

from __future__ import annotations

import contextlib
from typing import Iterator

from ansible_collections.stsm.live_migration.plugins.module_utils._testbed import Testbed


@contextlib.contextmanager
def limited(testbed: Testbed, rate_mbit_per_second: float) -> Iterator[None]:
    """Limit what both hosts send over the migration network; leaving the context puts back what was there.

    So does the end of the connection to a host, however it comes.  Raises InstrumentError for a rate above what is
    there, or for a link whose present shape could not be put back.
    """
    with contextlib.ExitStack() as limits:
        for connection in testbed.connections:
            interface = connection.host.migration_interface
            connection.call("shape_link", interface=interface, rate_mbit_per_second=rate_mbit_per_second)
            limits.callback(connection.call, "unshape_link", interface=interface)
        yield
