"""Cleans captions: to one line, and for generated ones without repetitions and without words about the image."""

from __future__ import annotations

import re
from collections.abc import Iterable


def clean(text: str) -> str:
    """One line, single spaces, no closing full stop."""
    return " ".join(text.split()).rstrip(". ")


def tidy(text: str, drop: Iterable[str]) -> str:
    """A generated caption without repetitions, and without words about the image instead of the object.

    Args:
        drop: phrases to remove where they are whole words, such as "a photo of" or "on a white background".
    """
    text = clean(text)
    # Longer phrases first, because a shorter one may be a part of them.
    for phrase in sorted(drop, key=lambda p: (-len(p), p)):
        if words := phrase.split():
            spaced = r"\s+".join(map(re.escape, words))
            text = re.sub(rf"(?<!\w){spaced}(?!\w)", " ", text, flags=re.IGNORECASE)
    text = re.sub(r"\s+([,.;:!?])", r"\1", " ".join(text.split()))
    text = clean(without_repetition(text).strip(" ,;:-"))
    return text if re.search(r"\w", text) else ""


def without_repetition(text: str) -> str:
    """Remove runs of words that directly repeat, and clauses that were there before.

    A removal may bring equal runs together, so this is repeated until nothing changes.

    >>> without_repetition("a dog running running running, a dog running on on the grass")
    'a dog running, a dog running on the grass'
    >>> without_repetition("a cat and a cat and a cat, a red hat, a red hat")
    'a cat, a red hat'
    """
    while (shorter := _once(text)) != text:
        text = shorter
    return text


def _once(text: str) -> str:
    clauses: list[str] = []
    seen: set[tuple[str, ...]] = set()
    for clause in text.split(","):
        words = _collapse(clause.split())
        key = tuple(_normalised(word) for word in words)
        if words and key not in seen:
            clauses.append(" ".join(words))
            seen.add(key)
    # Also across commas: "a dog, running, running on" repeats "running".
    return " ".join(_collapse(", ".join(clauses).split()))


def _collapse(words: list[str]) -> list[str]:
    """Remove runs of words that follow themselves, directly or after "and"; the longest runs first."""
    for length in range(len(words) // 2, 0, -1):
        at = 0
        while at + 2 * length <= len(words):
            run = [_normalised(word) for word in words[at : at + length]]
            nexts = [at + length]
            if length > 1 and _normalised(words[at + length]) == "and":
                nexts.append(at + length + 1)
            again = [n for n in nexts if any(run) and run == [_normalised(word) for word in words[n : n + length]]]
            if again:
                # The last word keeps the later one's punctuation: "a cat a cat." ends in a stop.
                words = [*words[: at + length - 1], *words[again[0] + length - 1 :]]
            else:
                at += 1
    return words


def _normalised(word: str) -> str:
    """A word for comparison, without case and punctuation."""
    return re.sub(r"[^\w']", "", word).casefold()
