"""Pairs in training: encoded bucket by bucket, captioned, drawn alone or among clips."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.unit.layouts import pair_files, tar_of
from tests.unit.test_captions import params as captions_params
from tests.unit.test_pairs import IDS, folder_of, made
from tests.unit.tiny_models import COMPUTE, FRAMING, LATENTS, backbones, vae, write_synthesis
from tgvac.backbones.views import render_views
from tgvac.captions import captions_stage
from tgvac.clips.captions import read_captions
from tgvac.clips.framing import frame_masks, frame_video, windows_of
from tgvac.clips.pair_clips import PairClips
from tgvac.errors import BadInput
from tgvac.files import write_json
from tgvac.latents import latents_stage
from tgvac.latents.latent_clips import LatentPairs, MixedClips, training_clips
from tgvac.models.latents import encode_mode, encode_moments, mask_to_tensor, to_tensor
from tgvac.shards import merge_indices, read_index, write_index
from tgvac.stage import Context
from tgvac.training.outputs import place_parts, write_folder_index

TEXTS = {IDS[0]: "a red fish", IDS[1]: "a dog"}
SHARDS = 2


@pytest.fixture(scope="module")
def scale(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """A scale with pairs, captions and an autoencoder, and no track at all; its pairs encoded."""
    root = tmp_path_factory.mktemp("pairs")
    made(root, tar_of(root / "p.tar", {**pair_files(*IDS), "captions.json": json.dumps(TEXTS).encode()}))
    ctx = Context(root, "t", "latents", "d", shards=SHARDS)
    write_json(ctx.results / "sources" / "manifest.json", {"pairs": {"duo": {}}})
    for phase in ("tracks", "masks"):
        write_index(ctx.results / phase / "index.json", [])
    write_synthesis(root, [], {}, scale="t")
    place_parts(ctx.results / "backbones" / "vae", vae())
    for name in ("text_encoder", "tokenizer"):
        place_parts(ctx.results / "backbones" / name, getattr(backbones(), name))
    write_folder_index(ctx.results / "backbones", sorted((ctx.results / "backbones").rglob("*.*")))
    captions = captions_params("given", "template")
    for shard in range(SHARDS):
        captions_stage.run(replace(ctx, phase="captions", shard=shard), captions=captions, compute=COMPUTE)
        latents_stage.run(replace(ctx, shard=shard), framing=FRAMING, latents=LATENTS, compute=COMPUTE)
    captions_stage.join(replace(ctx, phase="captions"), captions=captions)
    merge_indices((ctx.shard_index(k) for k in range(SHARDS)), ctx.out / "index.json")
    return ctx


def test_captions_of_pairs_are_those_the_source_gives_and_none_is_made_up(scale: Context) -> None:
    found = read_captions(scale.results / "captions" / "captions.parquet")
    assert {track: caption.text for track, caption in found.items()} == {
        f"duo/{pair}/1": text for pair, text in TEXTS.items()
    }


def test_a_pair_is_encoded_as_a_clip_of_one_frame_whatever_its_bucket(scale: Context) -> None:
    pairs, latents = PairClips(folder_of(scale.root)), LatentPairs(scale)
    drawn = {latents.draw(1, 1, "any", i)[0] for i in range(200)}
    assert len(drawn) == len(IDS)
    index = read_index(scale.out / "index.json")
    assert sum(entry.facts.get("pairs", 0) for entry in index.values()) == len(IDS)
    for sample in drawn:
        bucket, _, row = sample.partition("#")
        name = pairs.in_bucket(int(bucket[-3:]))[int(row)]
        clip = pairs.render(name)
        windows = windows_of(FRAMING, clip.visible_FHW)
        target = to_tensor(frame_video(FRAMING, clip.whole_FHW3, windows, 255))
        mean, deviation = encode_moments(vae(), target, COMPUTE.vae_batch)
        frame = encode_mode(
            vae(), to_tensor(frame_video(FRAMING, clip.frames_FHW3, windows, FRAMING.pad)), COMPUTE.vae_batch
        )
        mask = encode_mode(vae(), mask_to_tensor(frame_masks(FRAMING, clip.visible_FHW, windows)), COMPUTE.vae_batch)
        for what, expected in (("target_mean", mean), ("target_std", deviation), ("frame", frame), ("mask", mask)):
            torch.testing.assert_close(latents.read(sample, what, 0, 1), expected, rtol=0, atol=1e-5)
        assert latents.text(sample) == TEXTS.get(name.removeprefix("duo/"), "")


def test_pictures_for_stand_ins_come_from_pairs_as_well(scale: Context) -> None:
    pairs = PairClips(folder_of(scale.root))
    captions = read_captions(scale.results / "captions" / "captions.parquet")
    views = render_views([pairs], FRAMING, captions, 60, "pictures")
    assert set(views.texts) == {"", *TEXTS.values()}
    assert len({views.wholes_PSS3[i].tobytes() for i in range(60)}) == len(IDS)


def test_all_pairs_are_equally_likely_whatever_the_size_of_their_bucket(scale: Context) -> None:
    latents, count = LatentPairs(scale), 3000
    seen = Counter(latents.draw(1, 1, "even", i) for i in range(count))
    assert len(seen) == len(IDS)
    assert {start for _, start in seen} == {0}
    for times in seen.values():
        assert abs(times - count / len(IDS)) < 6 * (count / len(IDS)) ** 0.5


def test_a_pair_has_one_frame(scale: Context) -> None:
    latents = LatentPairs(scale)
    sample, _ = latents.draw(1, 1, "one", 0)
    with pytest.raises(ValueError, match="has one frame, 0, but 2 from 0 were asked for"):
        latents.read(sample, "mask", 0, 2)


def test_clips_and_pairs_are_mixed_by_their_share_and_each_is_read_as_its_own(scale: Context) -> None:
    class Clips:
        digest, draws = "clips", 1

        def draw(self, count: int, step: int, *names: str | int) -> tuple[str, int]:
            return "world/a/1/r0", 3

        def read(self, sample: str, what: str, start: int, count: int, step: int = 1, draw: int = 0) -> torch.Tensor:
            return torch.full((count, 1), float(start))

        def text(self, sample: str) -> str:
            return "a clip"

    mixed = MixedClips(Clips(), LatentPairs(scale), 0.25)  # type: ignore[arg-type]
    drawn = [mixed.draw(1, 1, "mixed", i) for i in range(2000)]
    of_pairs = [sample for sample, _ in drawn if "#" in sample]
    assert abs(len(of_pairs) / 2000 - 0.25) < 0.05
    assert len(set(of_pairs)) == len(IDS)
    assert mixed.text("world/a/1/r0") == "a clip"
    assert mixed.read("world/a/1/r0", "mask", 3, 1).item() == 3
    assert mixed.read(of_pairs[0], "mask", 0, 1).shape[0] == 1
    assert mixed.draw(1, 1, "mixed", 7) == drawn[7]


def test_the_share_decides_what_a_stage_is_trained_on(scale: Context) -> None:
    assert isinstance(training_clips(scale, 1.0, 1), LatentPairs)
    with pytest.raises(BadInput, match="The split 'train' has no clips at all"):
        training_clips(scale, 0.5, 1)


def test_a_share_of_pairs_without_any_is_refused(tmp_path: Path, scale: Context) -> None:
    ctx = replace(scale, root=tmp_path)
    write_index(ctx.out / "index.json", [])
    write_synthesis(tmp_path, [], {}, scale="t")
    with pytest.raises(BadInput, match=r"no cached pairs.*set frame\.pairs_share to 0"):
        training_clips(ctx, 1.0, 1)
