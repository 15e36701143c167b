# Copyright (c) 2026, the stsm.live_migration authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the fields of a mapping that a user wrote, and says in one sentence what is wrong with one."""

from __future__ import annotations

import difflib
import math
import re
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.stsm.live_migration.plugins.module_utils._errors import ScenarioError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+-]{0,99}")


def nearest(word: str, known: Sequence[str]) -> str:
    """Return " (did you mean 'x'?)" for the known word closest to a misspelled one, or nothing."""
    close = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""


def show(value: Any) -> str:
    """Return a value as the user wrote it, with its kind where that is what is wrong with it."""
    if value is None:
        return "empty"
    if isinstance(value, str):
        return f"the text '{value}'"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    return str(value)


class Section:
    """One mapping that a user wrote, named by its path in the whole. A key that is null counts as not given.

    Every reader raises ScenarioError with one sentence that names the key's path, what was given and what is expected.
    """

    def __init__(self, path: str, mapping: Any, known: Sequence[str], whole: str = "the scenario") -> None:
        self.path = path
        name, keys = path or whole, "the keys " + ", ".join(known)
        if not isinstance(mapping, Mapping):
            begin = path or whole.capitalize()
            raise ScenarioError(f"{begin} is {show(mapping)}, but must be a mapping with {keys}.")
        for key in mapping:
            if key not in known:
                raise ScenarioError(f"{self.at(key)} is not known{nearest(str(key), known)}; {name} has {keys}.")
        self._given = {key: value for key, value in mapping.items() if value is not None}

    def at(self, key: Any) -> str:
        """Return the full path of a key, such as "workload.pattern"."""
        return f"{self.path}.{key}" if self.path else str(key)

    def has(self, key: str) -> bool:
        """Return whether the key was given a value."""
        return key in self._given

    def get(self, key: str) -> Any:
        """Return the value as it was given, or None."""
        return self._given.get(key)

    def refuse(self, key: str, expected: str) -> ScenarioError:
        """Return the error for a key whose value is not what is expected."""
        if not self.has(key):
            return ScenarioError(f"{self.at(key)} is missing; it must be {expected}.")
        return ScenarioError(f"{self.at(key)} is {show(self._given[key])}, but must be {expected}.")

    def refuse_any(self, keys: Sequence[str], because: str, cure: str) -> None:
        """Raise if one of the keys is given where none of them makes sense."""
        for key in keys:
            if self.has(key):
                raise ScenarioError(f"{self.at(key)} is given, but {because}: {cure}.")

    def number(self, key: str, default: float | None = None, **limits: float) -> float:
        """Return a finite number within the limits; without a default the key must be given."""
        expected = "a number" + _limits(limits)
        value = self._given.get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.refuse(key, expected)
        try:
            number = float(value)
        except OverflowError:
            raise self.refuse(key, expected) from None
        if not math.isfinite(number) or not _within(number, limits):
            raise self.refuse(key, expected)
        return number

    def whole(self, key: str, default: int | None = None, **limits: float) -> int:
        """Return a whole number within the limits (at least 1 if none is set); without a default it must be given."""
        limits.setdefault("at_least", 1)
        value = self._given.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not _within(value, limits):
            raise self.refuse(key, "a whole number" + _limits(limits))
        return value

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false."""
        value = self._given.get(key, default)
        if not isinstance(value, bool):
            raise self.refuse(key, "true or false")
        return value

    def choice(self, key: str, choices: Sequence[str], default: str | None = None) -> str:
        """Return one of the words that are allowed."""
        expected = "one of " + ", ".join(choices)
        value = self._given.get(key, default)
        if not isinstance(value, str):
            raise self.refuse(key, expected)
        if value not in choices:
            hint = nearest(value, choices)
            raise ScenarioError(f"{self.at(key)} is '{value}', which is not known{hint}; it must be {expected}.")
        return value

    def name(self, key: str, default: str | None = None) -> str:
        """Return a name that is safe as a domain name and as a file name."""
        value = self._given.get(key, default)
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            raise self.refuse(
                key,
                "a name of at most 100 letters, digits and the signs _ . : + - that starts with a letter or a digit",
            )
        return value


# The limits a number may have, in the order in which they are told: the test and the words.
_LIMITS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "above": (lambda value, limit: value > limit, "above {0:g}"),
    "at_least": (lambda value, limit: value >= limit, "of at least {0:g}"),
    "at_most": (lambda value, limit: value <= limit, "at most {0:g}"),
    "multiple_of": (lambda value, limit: value % limit == 0, "in steps of {0:g}"),
}


def _within(value: float, limits: Mapping[str, float]) -> bool:
    """Return whether a number respects its limits."""
    return all(_LIMITS[name][0](value, limit) for name, limit in limits.items())


def _limits(limits: Mapping[str, float]) -> str:
    """Return the limits in words, with a leading blank."""
    words = [text.format(limits[name]) for name, (_test, text) in _LIMITS.items() if name in limits]
    return (" " + ", ".join(words[:-1]) + (" and " if words[1:] else "") + words[-1]) if words else ""
