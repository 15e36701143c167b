# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent: what runs on a hypervisor while it is measured.

The controller packs this package into one zip archive, sends it down an SSH connection and runs it from
memory (:mod:`.._connection`).  It needs the host's own Python and ``python3-libvirt`` and nothing else, writes
nothing but the guest's result file and, where a guest's disks are copied, their new images and a note of those left
behind, and ends with the connection, settling whatever was under way.

Speech on the wire is one JSON object a line.  Towards the agent: ``{"id", "call", "arguments"}``.  Back:
``{"id", "result"}`` or ``{"id", "error"}``, and at any time ``{"notice", "at_ns", …}``.  Every ``at_ns`` is this
host's ``CLOCK_MONOTONIC``; the controller knows the offset.
"""
