"""Which measured method stands in which table, how it is called there, and whose published row it answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

HEADLINE = "ours/full"
"""The paper's method."""

LABELS = {
    HEADLINE: "Ours",
    "ours/no_motion": "Ours without motion",
    "copy_visible/plain": "Copy the visible part (floor)",
    "temporal_copy/plain": "Copy from other frames (floor)",
    "mean_colour/plain": "Fill with the mean colour (floor)",
    "autoencoder/ceiling": "Autoencoder ceiling",
    "ours/no_mask": "Visible mask ✗, text prompt ✓",
    "ours/no_text": "Visible mask ✓, text prompt ✗",
    "ours/no_mask_g1": "Visible mask ✗, text prompt ✓, guidance 1",
    "ours/no_text_g1": "Visible mask ✓, text prompt ✗, guidance 1",
    "ours/full_g1": "Visible mask ✓, text prompt ✓, guidance 1",
    "ours/hop2": "o = 2",
    "ours/hop4": "o = 4",
    "ours/hop8": "o = 8",
    "ours/hop14": "none (o = clip length)",
    "ours/one_window": "One window over the whole video",
    "copy_visible/long": "Copy the visible part (floor)",
    "autoencoder/ceiling_long": "Autoencoder ceiling",
}

STREAMS = {HEADLINE: "Visible mask ✓, text prompt ✓"}
"""Labels that hold in Table 3 alone."""

GUIDED = ("ours/no_mask", "ours/no_text", HEADLINE)
UNGUIDED = ("ours/no_mask_g1", "ours/no_text_g1", "ours/full_g1")
"""Table 3: each stream left out, with the sampler's guidance and without any."""

LONG = (
    *("ours/hop2", "ours/hop4", "ours/hop8", "ours/hop14", "ours/one_window"),
    *("copy_visible/long", "autoencoder/ceiling_long"),
)
"""Table 4, on the samples with the most frames."""

LONG_REFERENCE = "ours/hop4"

LATER: Mapping[str, str] = {"pix2gestalt": "Pix2Gestalt", "progressive": "ProgressiveAmodal"}
"""Methods of the paper's Table 2 by the head of their name, measured here once they run behind the contract."""

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


def label_of(method: str) -> str:
    """How tables and pictures call a ``method/variant``."""
    return LABELS.get(method, method)


def of_quality(methods: Iterable[str]) -> tuple[str, ...]:
    """The methods of Table 2: all that don't belong to the ablations of Tables 3 and 4 alone."""
    ablations = {*GUIDED, *UNGUIDED, *LONG} - {HEADLINE}
    return tuple(method for method in methods if method not in ablations)


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
