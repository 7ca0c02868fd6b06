"""Which measured methods are in which table, and which published row each of them corresponds to.

The labels of methods are in the registry (:func:`tgvac.methods.registry.label_of`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tgvac.methods.registry import Methods, method_of

HEADLINE = "ours/full"
"""The paper's method."""

STREAMS = {HEADLINE: "Visible mask ✓, text prompt ✓"}
"""Labels used only in Table 3."""

GUIDED = ("ours/no_mask", "ours/no_text", HEADLINE)
UNGUIDED = ("ours/no_mask_g1", "ours/no_text_g1", "ours/full_g1")
"""Table 3: each stream left out, with the sampler's guidance and without guidance."""

START = "ours/start"
"""Table 3: the model from which all rows were trained further, as it was."""

LONG_REFERENCE = "ours/hop4"
"""Table 4: the paper's own stride, with which the others are compared."""

BASELINES: Mapping[str, str] = {"pix2gestalt": "Pix2Gestalt", "progressive": "ProgressiveAmodal"}
"""The other methods of the paper's Table 2, by the first part of their name."""

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
    """Table 4: the methods that complete long clips, in the given order."""
    return tuple(name for name in names if name in methods and methods[name].clips == "long")


def of_quality(names: Iterable[str], methods: Methods) -> tuple[str, ...]:
    """Table 2: all methods except those used only in the ablations, in the given order.

    Ablations are Tables 3 and 4, and the tables of other sentences and of masks with errors. Tracked masks are what
    users have, so their rows are here, too.
    """
    names = tuple(names)
    ablations = {*GUIDED, *UNGUIDED, START, *of_long_clips(names, methods), *of_captions(names, methods)}
    ablations |= {name for name in of_mask_errors(names, methods) if methods[name].mask_noise is not None}
    return tuple(name for name in names if name not in ablations - {HEADLINE})


def of_captions(names: Iterable[str], methods: Methods) -> tuple[str, ...]:
    """The methods that are given another sentence than the object's own, in the given order."""
    return tuple(name for name in names if name in methods and methods[name].caption is not None)


def of_mask_errors(names: Iterable[str], methods: Methods) -> tuple[str, ...]:
    """The methods whose visible masks are not the exact ones: drawn errors, or tracked; in the given order."""
    known = (name for name in names if name in methods)
    return tuple(name for name in known if methods[name].mask_noise is not None or method_of(name).mask_source)


def unchanged(name: str, key: str, names: Iterable[str], methods: Methods) -> str | None:
    """The method among ``names`` that differs from another one only in that it leaves a key out; None if none does."""
    head, wanted = name.partition("/")[0], methods[name].model_copy(update={key: None})
    return next((n for n in names if n.partition("/")[0] == head and methods.get(n) == wanted), None)


def stand_ins(names: Iterable[str], methods: Methods, origin: str) -> frozenset[str]:
    """The baselines of Table 2 that run with networks of this project in place of their authors'.

    Args:
        names: the evaluated methods.
        origin: of the backbones, as in :class:`tgvac.report.basis.Basis`.
    """
    baselines = [name for name in names if name.partition("/")[0] in BASELINES]
    return frozenset(
        name
        for name in baselines
        # Without published weights, Pix2gestalt's network is trained here, and ProgressiveAmodal's is the backbones'.
        if methods[name].published is None and (name.startswith("pix2gestalt/") or origin != "pretrained")
    )


def answer_to(row: str, methods: Iterable[str]) -> str | None:
    """The measured method that corresponds to a published row (or to a row of our own, ``own.<row>``), or None.

    Args:
        row: ``<table>.<row>``.
        methods: the evaluated methods; a baseline is found by the first part of its name.
    """
    if row in _ANSWERS:
        return _ANSWERS[row]
    table, _, head = row.partition(".")
    if table != "table2":
        return None
    # The published numbers are of pictures as they were painted.
    found = [name for name in methods if name.partition("/")[0] == head and not name.endswith("_pasted")]
    # Published weights answer for a method before a stand-in does.
    return next((method for method in found if method == f"{head}/published"), found[0] if found else None)


def one_step(names: Iterable[str], methods: Methods, steps: int) -> tuple[str, ...]:
    """The methods among ``names`` that sample in a single step.

    Args:
        steps: of methods that have none of their own.
    """
    return tuple(name for name in names if (methods[name].steps or steps) == 1)
