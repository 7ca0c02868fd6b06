"""Which measured method stands in which table, and whose published row it answers.

How a method is called in tables, the registry of methods says (:func:`tgvac.methods.registry.label_of`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tgvac.methods.registry import REGISTRY, Methods

HEADLINE = "ours/full"
"""The paper's method."""

STREAMS = {HEADLINE: "Visible mask ✓, text prompt ✓"}
"""Labels that hold in Table 3 alone."""

GUIDED = ("ours/no_mask", "ours/no_text", HEADLINE)
UNGUIDED = ("ours/no_mask_g1", "ours/no_text_g1", "ours/full_g1")
"""Table 3: each stream left out, with the sampler's guidance and without any."""

LONG_REFERENCE = "ours/hop4"
"""Of Table 4: the paper's own stride, with which the others are compared."""

_OF_THE_PAPER: Mapping[str, str] = {"pix2gestalt": "Pix2Gestalt", "progressive": "ProgressiveAmodal"}
"""The other methods of the paper's Table 2, by the head of their name."""

LATER = {name: label for name, label in _OF_THE_PAPER.items() if name not in REGISTRY}
"""Those that the registry does not have yet."""

_ANSWERS = {
    "table2.ours": HEADLINE,
    "table3.text_only": "ours/no_mask",
    "table3.mask_only": "ours/no_text",
    "table3.mask_and_text": HEADLINE,
    "table4.stride2": "ours/hop2",
    "table4.stride4": LONG_REFERENCE,
    "table4.stride8": "ours/hop8",
    "table4.no_overlap": "ours/hop14",
    "own.frame_only": "ours/no_motion",
    "own.one_window": "ours/one_window",
}


def of_long_clips(names: Iterable[str], methods: Methods) -> tuple[str, ...]:
    """Table 4: the methods that complete the long clips, in the order given."""
    return tuple(name for name in names if name in methods and methods[name].clips == "long")


def of_quality(names: Iterable[str], methods: Methods) -> tuple[str, ...]:
    """Table 2: all methods but those that belong to the ablations of Tables 3 and 4 alone, in the order given."""
    names = tuple(names)
    ablations = {*GUIDED, *UNGUIDED, *of_long_clips(names, methods)} - {HEADLINE}
    return tuple(name for name in names if name not in ablations)


def answer_to(row: str, methods: Iterable[str]) -> str | None:
    """The measured method that answers a published row (or a row of our own, ``own.<row>``).

    Args:
        row: ``<table>.<row>``.
        methods: those that the run evaluates; a baseline is found among them by the head of its name.
    """
    if row in _ANSWERS:
        return _ANSWERS[row]
    table, _, head = row.partition(".")
    if table != "table2":
        return None
    return next((method for method in methods if method.partition("/")[0] == head), None)
