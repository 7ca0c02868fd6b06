"""BLIP-2 with its real classes, tiny and random: loaded from a folder, batched, cached, and in the stage."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.unit.builders import box, meta_of, noise
from tests.unit.layouts import pair_files, pair_images, tar_of
from tests.unit.test_captions import params
from tests.unit.test_pairs import IDS, made
from tests.unit.tiny_blip2 import save_tiny_blip2
from tests.unit.tiny_models import COMPUTE
from tgvac.captions import captions_stage
from tgvac.captions.blip2 import Blip2, identity
from tgvac.captions.looks import crop_on_white
from tgvac.captions.params import CaptionsParams
from tgvac.captions.remembered import Remembered
from tgvac.captions.sentences import tidy
from tgvac.clips.archive import zip_writing
from tgvac.clips.captions import read_captions
from tgvac.clips.geometry import measure
from tgvac.clips.images import encode_png
from tgvac.clips.tables import write_table
from tgvac.clips.track import MasksMeta, file_stem, write_track
from tgvac.errors import BadInput
from tgvac.files import write_json
from tgvac.shards import Made, write_index
from tgvac.stage import Context
from tgvac.synthesis.select_stage import _STRETCH_COLUMNS, STRETCHES_FORMAT


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_blip2(tmp_path_factory.mktemp("blip2"))


def pictures(count: int) -> list[np.ndarray]:
    return [noise(seed, 12, 12, 3) for seed in range(count)]


# ---------------------------------------------------------------- the model


def test_a_saved_model_describes_images_differently_and_reproducibly(model: Path) -> None:
    it = params(model=str(model)).blip2
    first, second = Blip2(it, "cpu", 1, True), Blip2(it, "cpu", 1, True)
    texts = first(pictures(3))
    assert len(set(texts)) == 3
    assert all(texts)
    assert second(pictures(3)) == texts


def test_half_precision_gives_captions_too(model: Path) -> None:
    texts = Blip2(params(model=str(model), dtype="bfloat16").blip2, "cpu", 1, True)(pictures(2))
    assert len(texts) == 2
    assert all(texts)


def test_a_caption_does_not_depend_on_the_rest_of_the_batch(model: Path) -> None:
    describe = Blip2(params(model=str(model)).blip2, "cpu", 1, True)
    together = describe(pictures(3))
    assert [describe([picture])[0] for picture in pictures(3)] == together
    with pytest.raises(ValueError, match="4 images were given, but a batch has 1 to 3"):
        describe(pictures(4))


def test_captions_are_those_of_the_classes_called_directly(model: Path) -> None:
    """The expected captions: processor and model called directly, one image at a time."""
    import torch
    from transformers import Blip2ForConditionalGeneration, Blip2Processor

    processor: Any = Blip2Processor.from_pretrained(model)
    network: Any = Blip2ForConditionalGeneration.from_pretrained(model)
    expected = []
    for picture in pictures(3):
        values = processor(images=Image.fromarray(picture), text="", return_tensors="pt")
        with torch.inference_mode():
            made = network.generate(**values, num_beams=2, max_new_tokens=6, repetition_penalty=1.2, do_sample=False)
        expected.append(processor.decode(made[0], skip_special_tokens=True).strip())
    assert Blip2(params(model=str(model)).blip2, "cpu", 1, True)(pictures(3)) == expected


def test_the_prompt_is_used_and_not_a_part_of_the_caption(model: Path) -> None:
    plain = Blip2(params(model=str(model)).blip2, "cpu", 1, True)(pictures(3))
    asked = Blip2(params(model=str(model), prompt="old striped").blip2, "cpu", 1, True)(pictures(3))
    assert asked != plain
    assert not any(text.startswith("old striped") for text in asked)


def test_weights_without_safetensors_and_missing_models_are_refused(tmp_path: Path) -> None:
    pickled = save_tiny_blip2(tmp_path / "pickled", safe=False)
    for name in (str(pickled), str(tmp_path / "nothing")):
        with pytest.raises(BadInput, match=r"The captioning model '.*' cannot be loaded \(.*safetensors in captions"):
            Blip2(params(model=name).blip2, "cpu", 1, True)


def test_a_model_of_an_older_layout_is_refused(tmp_path: Path) -> None:
    folder = save_tiny_blip2(tmp_path / "old")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "image_token_index": None}))
    with pytest.raises(BadInput, match=r"cannot be loaded \(its config.json names no image_token_index\)"):
        Blip2(params(model=str(folder)).blip2, "cpu", 1, True)


def test_the_identity_depends_on_everything_that_determines_a_caption(model: Path, tmp_path: Path) -> None:
    same = identity(params(model=str(model)).blip2)
    assert identity(params(model=str(save_tiny_blip2(tmp_path / "copy"))).blip2) == same
    assert identity(params(model=str(model), margin=0.9, drop=[]).blip2) == same
    others = [{"prompt": "a"}, {"beams": 3}, {"max_new_tokens": 7}, {"dtype": "bfloat16"}, {"repetition_penalty": 1.0}]
    found = {identity(params(model=str(model), **change).blip2) for change in others}
    found.add(identity(params(model=str(save_tiny_blip2(tmp_path / "other", seed=1))).blip2))
    assert len(found | {same}) == len(others) + 2


# ---------------------------------------------------------------- the cache


class Counted:
    """A model that describes an image by its first pixel, and counts its calls."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, images: Sequence[np.ndarray]) -> list[str]:
        self.batches.append(len(images))
        return [f"seen {int(image[0, 0, 0])}" for image in images]


def test_an_image_is_described_once_in_full_batches_and_cached(tmp_path: Path) -> None:
    model = Counted()
    images = [np.full((2, 2, 3), k, np.uint8) for k in range(7)]
    first = Remembered(tmp_path / "m.sqlite", "who", lambda: model, 3)
    first.fill([*images, *images])
    assert model.batches == [3, 3, 1]
    assert [first(image) for image in images] == [f"seen {k}" for k in range(7)]
    first.close()

    def never() -> Counted:
        raise AssertionError("all is known")

    again = Remembered(tmp_path / "m.sqlite", "who", never, 3)
    assert again(images[4]) == "seen 4"
    # An image with the same bytes and another shape, or another model, is described again.
    assert again.find(images[4].reshape(1, 4, 3)) is None
    assert Remembered(tmp_path / "m.sqlite", "someone else", never, 3).find(images[4]) is None
    again.close()


def test_the_database_is_created_on_first_use_and_an_invalid_one_is_refused(tmp_path: Path) -> None:
    Remembered(tmp_path / "m.sqlite", "who", Counted, 3).close()
    assert not (tmp_path / "m.sqlite").exists()
    (tmp_path / "m.sqlite").write_bytes(b"something else altogether" * 40)
    with pytest.raises(BadInput, match=r"m\.sqlite is not a database of captions \(.*\); delete it"):
        Remembered(tmp_path / "m.sqlite", "who", Counted, 3).find(pictures(1)[0])


def test_at_most_the_requested_number_is_described_ahead(tmp_path: Path) -> None:
    model = Counted()
    images = [np.full((2, 2, 3), k, np.uint8) for k in range(9)]
    known = Remembered(tmp_path / "m.sqlite", "who", lambda: model, 4)
    known.fill(iter(images), at_most=4)
    known.fill(iter(images), at_most=4)
    assert model.batches == [4, 4]
    known.close()


# ---------------------------------------------------------------- the stage

SIDE = 20


def scale(root: Path) -> Context:
    """Five tracks and three pairs: one track is never whole, one is tiny at first, and one is always tiny."""
    ctx = Context(root, "t", "captions", "d", shards=2)
    big, tiny = box(SIDE, SIDE, 4, 4, 14, 12), box(SIDE, SIDE, 0, 0, 1, 1)
    masks = {"a": [big] * 3, "b": [big] * 3, "late": [tiny, tiny, big], "never": [tiny] * 3, "parted": [big] * 3}
    written: dict[str, list[Any]] = {"tracks": [], "masks": []}
    for seed, (name, each) in enumerate(masks.items()):
        track, frames = f"s/{name}/1", noise(seed, 3, SIDE, SIDE, 3)
        file = f"{file_stem(track)}.zip"
        meta = meta_of(track, frames, [None] * 3, captions=("a given cat",) if name == "never" else ())
        # As in LaSOT, the track has no masks.
        write_track(ctx.results / "tracks" / "files" / file, meta, iter([(f, None) for f in frames]), "png")
        with zip_writing(ctx.results / "masks" / "files" / file) as sink:
            blank = np.zeros((SIDE, SIDE), np.uint8)
            geometry = tuple(measure(mask, blank) for mask in each)
            said = MasksMeta(track=track, segmenter="given", verdicts=("given",) * 3, geometry=geometry)
            sink.add("masks.json", said.model_dump_json().encode())
            for i, mask in enumerate(each):
                sink.add(f"masks/{i:05d}.png", encode_png(mask))
        for phase, entries in written.items():
            phase_ctx = replace(ctx, phase=phase)
            path = phase_ctx.out / "files" / file
            entries.extend(phase_ctx.ledger().record(track, "k", [Made(track, path)]))
    for phase, entries in written.items():
        write_index(ctx.results / phase / "index.json", entries)
    rows = [
        {"track": f"s/{name}/1", "video": f"s/{name}", "source": "s", "start": 0 if name != "b" else 1, "frames": 2}
        for name in masks
        if name != "parted"
    ]
    rows[2]["frames"] = 3
    write_table(ctx.results / "select" / "stretches.parquet", rows, _STRETCH_COLUMNS, STRETCHES_FORMAT)
    given = json.dumps({IDS[0]: "a given fish"}).encode()
    made(root, tar_of(root / "p.tar", {**pair_files(*IDS), "captions.json": given}))
    write_json(ctx.results / "sources" / "manifest.json", {"pairs": {"duo": {}}})
    return ctx


def run(ctx: Context, it: CaptionsParams) -> None:
    for shard in range(ctx.shards):
        captions_stage.run(replace(ctx, shard=shard), captions=it, compute=COMPUTE)
    captions_stage.join(ctx, captions=it)


def rejected(ctx: Context) -> dict[str, str]:
    with (ctx.out / "rejected.csv").open(newline="") as stream:
        return {row["track"]: row["reason"] for row in csv.DictReader(stream)}


def test_every_object_is_described_if_it_is_whole_and_large_enough_else_rejected(tmp_path: Path, model: Path) -> None:
    ctx = scale(tmp_path)
    it = params("blip2", model=str(model), min_area=0.05)
    run(ctx, it)
    found = read_captions(ctx.out / "captions.parquet")
    describe = Blip2(it.blip2, "cpu", 1, True)
    big = box(SIDE, SIDE, 4, 4, 14, 12)
    for name, seed, frame in (("a", 0, 0), ("b", 1, 1), ("late", 2, 2)):
        (raw,) = describe([crop_on_white(noise(seed, 3, SIDE, SIDE, 3)[frame], big, 0.1)])
        caption = found[f"s/{name}/1"]
        assert (caption.captioner, caption.frame, caption.raw) == ("blip2", frame, raw)
        assert caption.text == tidy(raw, it.blip2.drop)
        assert caption.model == f"{model}@main"
    for pair in IDS:
        images = pair_images(pair)
        (raw,) = describe([crop_on_white(images["whole"], images["whole_mask"], 0.1)])
        assert found[f"duo/{pair}/1"].raw == raw
    assert set(found) == {"s/a/1", "s/b/1", "s/late/1", *(f"duo/{pair}/1" for pair in IDS)}
    assert rejected(ctx) == {
        "s/never/1": "the object is always smaller than captions.blip2.min_area, 0.05 of a frame",
        "s/parted/1": "no stretch of the track has the whole object",
    }


def test_other_captioners_come_before_or_after_by_the_same_key(tmp_path: Path, model: Path) -> None:
    ctx = scale(tmp_path)
    run(ctx, params("blip2", "given", "template", model=str(model), min_area=0.05))
    found = {track: c.captioner for track, c in read_captions(ctx.out / "captions.parquet").items()}
    assert (found["s/a/1"], found["s/never/1"], found["s/parted/1"]) == ("blip2", "given", "template")
    assert rejected(ctx) == {}
    run(replace(ctx, digest="other"), params("given", "blip2", model=str(model), min_area=0.05))
    found = {track: c.captioner for track, c in read_captions(ctx.out / "captions.parquet").items()}
    assert (found["s/never/1"], found["s/a/1"]) == ("given", "blip2")
    assert (found[f"duo/{IDS[0]}/1"], found[f"duo/{IDS[1]}/1"]) == ("given", "blip2")


def test_images_are_never_described_again(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ctx = scale(tmp_path)
    run(ctx, params("blip2", model=str(model)))
    before = (ctx.out / "captions.parquet").read_bytes()

    def never(*arguments: object) -> None:
        raise AssertionError("the model is not to be loaded")

    monkeypatch.setattr(captions_stage, "Blip2", never)
    # The code changed, so every item is made again, but the images did not.
    run(replace(ctx, digest="other"), params("blip2", model=str(model)))
    assert (ctx.out / "captions.parquet").read_bytes() == before


def test_captions_do_not_depend_on_shards(tmp_path: Path, model: Path) -> None:
    tables = []
    for name, shards in (("one", 1), ("three", 3)):
        ctx = replace(scale(tmp_path / name), shards=shards)
        run(ctx, params("blip2", model=str(model)))
        tables.append([(ctx.out / file).read_bytes() for file in ("captions.parquet", "rejected.csv")])
    assert tables[0] == tables[1]


def test_pairs_have_no_text_if_the_params_say_so_and_tracks_are_still_described(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = {}
    for choice in ("captioned", "empty"):
        ctx = scale(tmp_path / choice)
        run(ctx, params("given", "blip2", model=str(model), min_area=0.05, pairs=choice))
        tables[choice] = read_captions(ctx.out / "captions.parquet")
        assert not any(track.startswith("duo/") for track in rejected(ctx))
    of_pairs = {f"duo/{pair}/1" for pair in IDS}
    assert set(tables["captioned"]) - set(tables["empty"]) == of_pairs, (
        "including the one with a caption from the source"
    )
    assert tables["empty"] == {track: c for track, c in tables["captioned"].items() if track not in of_pairs}

    def never(*arguments: object) -> None:
        raise AssertionError("no picture of a pair is to be looked at")

    # All tracks were described before, so the model is only loaded for pairs.
    monkeypatch.setattr(captions_stage, "Blip2", never)
    monkeypatch.setattr(captions_stage, "_pair", never)
    again = params("given", "blip2", model=str(model), min_area=0.05, pairs="empty")
    run(replace(ctx, digest="other"), again)
    assert read_captions(ctx.out / "captions.parquet") == tables["empty"]


def test_without_the_model_in_the_order_neither_masks_nor_stretches_are_read(tmp_path: Path) -> None:
    ctx = scale(tmp_path)
    for phase in ("masks", "select"):
        for path in sorted((ctx.results / phase).rglob("*.*")):
            path.unlink()
    run(ctx, params("given", "template"))
    found = read_captions(ctx.out / "captions.parquet")
    assert found["s/never/1"].text == "a given cat"
    assert found["s/parted/1"].text == "a cat"
    assert f"duo/{IDS[1]}/1" not in found
    assert rejected(ctx) == {}


def test_a_scale_without_any_caption_is_refused_with_an_example_and_advice(tmp_path: Path) -> None:
    ctx = scale(tmp_path)
    write_json(ctx.results / "sources" / "manifest.json", {"pairs": {}})
    index = json.loads((ctx.results / "tracks" / "index.json").read_text())
    index["entries"] = [e for e in index["entries"] if e["id"] != "s/never/1"]
    write_json(ctx.results / "tracks" / "index.json", index)
    with pytest.raises(
        BadInput, match=r"None of 4 objects has a caption .*\(given\), for example s/a/1: the source gives no"
    ):
        run(ctx, params("given"))
