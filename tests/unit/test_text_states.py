"""The text encoder's states: cached by network and text, otherwise encoded, to the same bits."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.unit.encoded_scale import TRACKS, caption, encode, index_backbones, without_cache, write_encodable
from tests.unit.test_pairs import IDS
from tests.unit.tiny_models import COMPUTE, LATENTS, STANDIN, backbones, tokenizer
from tgvac.files import sha256
from tgvac.latents import text_states
from tgvac.latents.text_states import TextStates, by_file, encoder_digest, open_texts, state_name, texts_to_cache
from tgvac.models.backbones import freeze
from tgvac.models.small_networks import build_text_encoder
from tgvac.models.text import encode_text
from tgvac.shards import read_index
from tgvac.stage import Context
from tgvac.training.outputs import place_parts

SENTENCES = {"", *(f"a picture of {track}" for track in TRACKS), *(f"a pair {pair}" for pair in IDS[1:])}


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Context:
    ctx = write_encodable(tmp_path_factory.mktemp("texts"))
    encode(ctx, LATENTS)
    return ctx


@pytest.fixture
def scale(encoded: Context, tmp_path: Path) -> Context:
    """A copy of the encoded scale, to be changed."""
    shutil.copytree(encoded.root, tmp_path / "copy")
    return replace(encoded, root=tmp_path / "copy")


def texts_on_disk(ctx: Context) -> int:
    return sum(entry.facts.get("texts", 0) for entry in read_index(ctx.out / "index.json").values())


def test_every_sentence_of_training_and_the_empty_one_are_cached_to_the_bit_and_not_encoded_again(
    encoded: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = {text: encode_text(backbones(), [text])[0] for text in SENTENCES}

    def never(*_: object) -> torch.Tensor:
        raise AssertionError("it is cached")

    monkeypatch.setattr(text_states, "encode_text", never)
    states = TextStates(backbones(), open_texts(encoded, COMPUTE))
    for text, state in expected.items():
        assert torch.equal(states[text], state), text
    assert texts_on_disk(encoded) == len(SENTENCES)


def test_a_sentence_that_was_edited_is_encoded_and_cached_by_the_next_run_of_the_phase(scale: Context) -> None:
    caption(scale, {TRACKS[0]: "a brown dog"})
    states = TextStates(backbones(), open_texts(scale, COMPUTE))
    assert torch.equal(states["a brown dog"], encode_text(backbones(), ["a brown dog"])[0])
    assert open_texts(scale, COMPUTE).find("a brown dog") is None
    files = {path: sha256(path) for path in (scale.out / "texts").iterdir()}
    encode(scale, LATENTS)
    assert open_texts(scale, COMPUTE).find("a brown dog") is not None
    assert open_texts(scale, COMPUTE).find(f"a picture of {TRACKS[0]}") is None
    changed = [path for path, value in files.items() if path.is_file() and sha256(path) != value]
    assert len(changed) <= 2, "one file loses a sentence, one gets one"


@pytest.mark.parametrize("part", ["text_encoder", "tokenizer"])
def test_states_of_another_encoder_or_tokenizer_are_never_taken(scale: Context, part: str) -> None:
    if part == "text_encoder":
        other = replace(backbones(), text_encoder=freeze(build_text_encoder(STANDIN, len(tokenizer()), 1)))
        place_parts(scale.results / "backbones" / part, other.text_encoder)
    else:
        other = backbones()
        (scale.results / "backbones" / part / "added.json").write_text("{}")
    index_backbones(scale)
    assert not any(open_texts(scale, COMPUTE).find(text) is not None for text in SENTENCES)
    assert torch.equal(
        TextStates(other, open_texts(scale, COMPUTE))["a pair sa_14"], encode_text(other, ["a pair sa_14"])[0]
    )
    encode(scale, LATENTS)
    found = open_texts(scale, COMPUTE).find("a pair sa_14")
    assert found is not None
    assert torch.equal(found, encode_text(other, ["a pair sa_14"])[0])


def test_sentences_are_cached_up_to_the_limit_and_none_without_a_cache(scale: Context) -> None:
    encoder = encoder_digest(scale, COMPUTE)
    assert set(texts_to_cache(scale, encoder, TRACKS, ["duo"], 3).values()) == {
        "",
        *(f"a picture of {t}" for t in TRACKS),
    }
    for count in (5, 0):
        encode(scale, LATENTS.model_copy(update={"texts": count}))
        assert texts_on_disk(scale) == count
    encode(scale, LATENTS)
    encode(scale, without_cache(LATENTS))
    assert texts_on_disk(scale) == 0
    assert torch.equal(TextStates(backbones(), open_texts(scale, COMPUTE))[""], encode_text(backbones(), [""])[0])


def test_sentences_of_other_tracks_are_not_cached_and_a_new_one_changes_no_other_file(encoded: Context) -> None:
    encoder = encoder_digest(encoded, COMPUTE)
    of_one = texts_to_cache(encoded, encoder, [TRACKS[0]], [], 100)
    assert set(of_one.values()) == {"", f"a picture of {TRACKS[0]}"}
    every = texts_to_cache(encoded, encoder, TRACKS, ["duo"], 100)
    assert set(every.values()) == SENTENCES
    files = by_file(every)
    assert all(item == f"texts/{name[0]}" for item, named in files.items() for name in named)
    assert {name for named in files.values() for name in named} == {state_name(encoder, text) for text in SENTENCES}
    assert state_name(encoder, "a") != state_name("another", "a") != state_name("another", "b")
    threads = COMPUTE.model_copy(update={"threads": COMPUTE.threads + 1})
    assert encoder_digest(encoded, threads) != encoder
