# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the stsm.live_migration authors
"""Sums over JUnit files."""

from __future__ import annotations

from pathlib import Path

from runner._counts import MESSAGE_CHARACTERS, Counts, read_failures, read_junit

JUNIT = """<testsuites><testsuite>
<testcase name="a"/><testcase name="b"/><testcase name="c"><skipped/></testcase>
<testcase name="d"><failure/></testcase><testcase name="e"><error/></testcase>
</testsuite></testsuites>"""


def test_all_files_of_a_folder_are_summed(tmp_path: Path) -> None:
    (tmp_path / "one.xml").write_text(JUNIT)
    (tmp_path / "two.xml").write_text("<testsuite><testcase name='a'/></testsuite>")
    assert read_junit(tmp_path) == Counts(passed=3, failed=2, skipped=1)


def test_a_truncated_file_counts_nothing(tmp_path: Path) -> None:
    (tmp_path / "one.xml").write_text(JUNIT[:60])
    assert read_junit(tmp_path) == Counts()


def test_each_failed_test_has_a_line_with_what_it_said(tmp_path: Path) -> None:
    (tmp_path / "one.xml").write_text(
        "<testsuite><testcase name='a'/>"
        "<testcase classname='guest' name='b'><failure message='1 page&#10;  is wrong'>the trace</failure></testcase>"
        f"<testcase name='c'><error>{'x' * 1000}</error></testcase></testsuite>"
    )
    assert read_failures(tmp_path) == ["guest::b: 1 page is wrong", f"::c: {'x' * MESSAGE_CHARACTERS}"]


def test_the_last_line_of_a_run() -> None:
    assert str(Counts(12, 1, 3)) == "12 passed, 1 failed, 3 skipped"
