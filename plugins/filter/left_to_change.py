# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find values of an inventory that its site has still to set."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Mapping, Sequence

MARK = "CHANGE_ME"


def left_to_change(names: Sequence[str], hostvars: Mapping[str, Any]) -> list[str]:
    """One sentence for each variable of the inventory's hosts *names* that still holds the mark, host by host."""
    sentences = []
    for name in names:
        for variable, value in sorted(_as_written(name, hostvars).items()):
            marked = next((text for text in _texts(value) if MARK in text), None)
            if marked is not None:
                sentences.append(
                    f"{variable} of {name} is still {marked.strip()!r}: set it in the inventory to what your site has."
                )
    return sentences


def _as_written(name: str, hostvars: Mapping[str, Any]) -> Mapping[str, Any]:
    """The host's variables before their expressions are worked out, which may need what is not yet set."""
    raw: Callable[[str], Mapping[str, Any]] | None = getattr(hostvars, "raw_get", None)
    return hostvars[name] if raw is None else raw(name)


def _texts(value: Any) -> Iterator[str]:
    """All texts in a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _texts(part)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"left_to_change": left_to_change}
