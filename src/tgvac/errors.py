"""The exception for input that a user can fix, and a mark for functions that only word messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class BadInput(ValueError):
    """Something the user gave is wrong. The message is one sentence: what is wrong, where, and what to do.

    The command line prints the message without a traceback and exits with code 2.
    """


def wording(function: Callable[P, R]) -> Callable[P, R]:
    """Mark a function that only words messages. Its body is in no code digest (:mod:`tgvac.code_digests`).

    A sentence can then be improved without training anything again. Never mark a function that decides a result.

    Args:
        function: returns text, or an exception whose text it words.
    """
    return function
