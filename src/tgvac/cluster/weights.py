"""Weights on the Hugging Face hub that jobs load, and whether they are in this user's cache.

Compute nodes often have no network, so jobs look for weights in the cache alone, which a login node fills before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from tgvac.bridge.cluster_job import ONLINE
from tgvac.errors import BadInput
from tgvac.params import Params


@dataclass(frozen=True)
class OnHub:
    """A repository of the hub that the jobs of a rule load."""

    rule: str
    name: str
    revision: str

    @property
    def fetch(self) -> str:
        """The command that fetches it into the cache."""
        return f"hf download {self.name} --revision {self.revision}"


def hub_weights(root: Path, params: Params, rules: Collection[str]) -> list[OnHub]:
    """The repositories that the jobs of these rules load; not folders and files of this machine."""
    found = [each for each in _named(params) if each.rule in rules]
    return [each for each in found if each.name and not (root / Path(each.name).expanduser()).exists()]


def _named(params: Params) -> Iterator[OnHub]:
    """What the params name, folders included."""
    masks, captions, evaluated = params.masks, params.captions, params.evaluation.methods
    segmenters = {masks.full, masks.sparse, masks.first, masks.boxes}
    if "sam" in segmenters:
        yield OnHub("masks_shard", masks.sam.weights, masks.sam.revision)
    if "sam2" in segmenters:
        yield OnHub("masks_shard", masks.sam2.weights, masks.sam2.revision)
    if "blip2" in captions.order:
        yield OnHub("captions_shard", captions.blip2.model, captions.blip2.revision)
    frame, motion = params.frame_model, params.motion_module
    starts = {frame.start, *(params.variants[variant].start or "" for variant, _ in params.trainings("frame"))}
    yield from (OnHub("train_frame", start, frame.start_revision) for start in sorted(starts))
    yield OnHub("train_motion", motion.start, motion.start_revision)
    for name in evaluated:
        # Of others, `published` is a folder of converted weights.
        if name.startswith("progressive/") and (weights := params.methods[name].published):
            yield OnHub("completion_shard", weights, params.progressive.revision)


def check_cached(wanted: Collection[OnHub]) -> None:
    """Refuse a run whose jobs would not find their weights.

    Raises:
        BadInput: with the rule, and the command that fetches them.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    for each in wanted:
        try:
            snapshot_download(each.name, revision=each.revision, local_files_only=True)
        except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError):
            raise BadInput(
                f"{each.rule} loads {each.name}, which is neither a folder here nor in this user's cache, and jobs do"
                f" not use the network: run `{each.fetch}` on this machine first, or set {ONLINE}=1 where compute nodes"
                " have a network."
            ) from None
