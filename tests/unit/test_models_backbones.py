"""Backbones: loaded from a folder in the usual layout, their text encoded as Stable Diffusion does."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest
import torch
from open_clip.tokenizer import SimpleTokenizer

from tests.unit.tiny_models import CPU, STANDIN, backbones, randn, tokenizer, unet_4
from tgvac.devices import device_of
from tgvac.errors import BadInput
from tgvac.models.backbones import PARTS, load_backbones, load_unet
from tgvac.models.runtime import generator, normal
from tgvac.models.small_networks import build_clip, build_text_encoder, build_tokenizer, build_unet, build_vae
from tgvac.models.text import encode_text

SENTENCES = [
    "",
    "a brown dog",
    "A  Brown\tDOG, running!",
    "a striped cat with 3 legs and a 20 cm tail",
    "two people's horses; it's late -- isn't it?",
    "ein grüner Papagei, naïve café",
    "熊猫 🐼",
    "an extraordinarily long sentence about a yellow elephant that walks behind several unbelievably wide trees",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of tiny backbones."""
    base = tmp_path_factory.mktemp("backbones")
    parts = backbones()
    for name, part in zip(PARTS, (parts.vae, parts.text_encoder, parts.tokenizer, unet_4()), strict=True):
        part.save_pretrained(base / name)
    return base


def test_backbones_are_loaded_frozen_and_as_they_were_saved(folder: Path) -> None:
    loaded, saved = load_backbones(folder, CPU), backbones()
    for ours, theirs in ((loaded.vae, saved.vae), (loaded.text_encoder, saved.text_encoder)):
        assert not ours.training
        assert not any(p.requires_grad for p in ours.parameters())
        for name, value in theirs.state_dict().items():
            assert torch.equal(ours.state_dict()[name], value), name
    assert loaded.vae.config.scaling_factor == 0.5
    texts = SENTENCES
    assert torch.equal(encode_text(loaded, texts), encode_text(saved, texts))


def test_half_precision_weights_are_loaded_as_float32(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "half")
    unet_4().half().save_pretrained(tmp_path / "half" / "unet")
    build_vae(STANDIN, 0).half().save_pretrained(tmp_path / "half" / "vae")
    build_text_encoder(STANDIN, len(tokenizer()), 0).half().save_pretrained(tmp_path / "half" / "text_encoder")
    loaded = load_backbones(tmp_path / "half", CPU)
    modules = (load_unet(tmp_path / "half"), loaded.vae, loaded.text_encoder)
    assert {p.dtype for module in modules for p in module.parameters()} == {torch.float32}


@pytest.mark.parametrize("part", PARTS)
def test_a_missing_part_is_named(folder: Path, tmp_path: Path, part: str) -> None:
    shutil.copytree(folder, tmp_path / "some")
    shutil.rmtree(tmp_path / "some" / part)
    load = load_unet if part == "unet" else partial(load_backbones, device=CPU)
    with pytest.raises(BadInput, match=f"{part} does not exist"):
        load(tmp_path / "some")


def test_the_unet_is_loaded_with_four_channels(folder: Path) -> None:
    given = (randn(1, 4, 8, 8), torch.tensor([5]), randn(1, 12, 16))
    with torch.no_grad():
        assert torch.equal(load_unet(folder).eval()(*given).sample, unet_4()(*given).sample)


# Text.


CLIP = SimpleTokenizer()


def clip_tokens(text: str) -> list[str]:
    """The tokens that open_clip's own tokenizer makes of a text, without its padding."""
    ids: list[int] = CLIP([text], context_length=77)[0].tolist()
    return [CLIP.decoder[i] for i in ids[: ids.index(49407) + 1]]


PLAIN = [text for text in SENTENCES if text.isascii() and "'" not in text]


@pytest.mark.parametrize("text", PLAIN)
@pytest.mark.parametrize("length", [12, 77])
def test_known_words_are_tokenized_as_in_clip_and_padded_with_the_end_token(text: str, length: int) -> None:
    tokenizer = build_tokenizer(STANDIN, SENTENCES)
    ids = tokenizer(text, padding="max_length", max_length=length, truncation=True).input_ids
    expected = ["<start_of_text>", *clip_tokens(text)[1:-1][: length - 2], "<end_of_text>"]
    names = {"<|startoftext|>": "<start_of_text>", "<|endoftext|>": "<end_of_text>"}
    found = [names.get(token, token) for token in tokenizer.convert_ids_to_tokens(ids)]
    assert found == expected + ["<end_of_text>"] * (length - len(expected))  # as Stable Diffusion pads


@pytest.mark.parametrize("text", SENTENCES)
def test_unknown_words_are_spelt_in_pieces_and_nothing_is_lost(text: str) -> None:
    tokenizer = build_tokenizer(STANDIN, ["a red fish"])
    ids = tokenizer(text, max_length=300, truncation=True).input_ids
    assert tokenizer.decode(ids, skip_special_tokens=True).replace(" ", "") == "".join(text.lower().split())
    assert len(ids) >= len(clip_tokens(text))


def test_the_vocabulary_is_that_of_the_texts_whatever_their_order() -> None:
    small, turned = build_tokenizer(STANDIN, SENTENCES), build_tokenizer(STANDIN, reversed(SENTENCES))
    assert small.get_vocab() == turned.get_vocab()
    assert 514 < len(small) < 1200
    assert len(build_tokenizer(STANDIN, [])) == 514


def test_the_tokenizer_is_the_same_after_saving(folder: Path) -> None:
    loaded = load_backbones(folder, CPU).tokenizer
    assert loaded(SENTENCES).input_ids == tokenizer()(SENTENCES).input_ids
    assert loaded.model_max_length == STANDIN.text_tokens


def test_states_of_a_text_do_not_depend_on_other_texts() -> None:
    together = encode_text(backbones(), SENTENCES)
    assert together.shape == (len(SENTENCES), STANDIN.text_tokens, STANDIN.text_width)
    for text, states in zip(SENTENCES, together, strict=True):
        assert torch.equal(encode_text(backbones(), [text])[0], states)


def test_different_texts_have_different_states_and_long_ones_are_cut() -> None:
    states = encode_text(backbones(), ["a brown dog", "a brown cat", ""])
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert not torch.allclose(states[i], states[j], atol=1e-3)
    long = "dog " * 30
    assert torch.equal(encode_text(backbones(), [long]), encode_text(backbones(), [long + "cat"]))


def test_states_are_the_encoders_last_hidden_states() -> None:
    parts = backbones()
    end = len(parts.tokenizer) - 1
    ids = [end - 1, *parts.tokenizer.convert_tokens_to_ids(clip_tokens("a brown dog")[1:-1]), end]
    ids += [end] * (12 - len(ids))
    with torch.no_grad():
        expected = parts.text_encoder(torch.tensor([ids])).last_hidden_state
    assert torch.equal(encode_text(parts, ["a brown dog"]), expected)


# Stand-ins and named randomness.


def test_stand_ins_are_drawn_by_seed_and_not_by_what_was_drawn_before() -> None:
    encoders = (lambda p, s: build_text_encoder(p, 600, s), lambda p, s: build_clip(p, 600, 32, s)[0])
    for build in (build_vae, build_unet, *encoders):
        torch.manual_seed(1)
        first = build(STANDIN, 3).state_dict()
        torch.manual_seed(2)
        again, other = build(STANDIN, 3).state_dict(), build(STANDIN, 4).state_dict()
        assert all(torch.equal(value, again[name]) for name, value in first.items())
        assert not all(torch.equal(value, other[name]) for name, value in first.items())


def test_named_noise_is_a_function_of_its_name() -> None:
    torch.manual_seed(1)
    first = normal((3, 4), "noise", 1)
    torch.manual_seed(2)
    assert torch.equal(normal((3, 4), "noise", 1), first)
    assert not torch.equal(normal((3, 4), "noise", "1"), first)
    assert torch.equal(torch.randn((3, 4), generator=generator("noise", 1)), first)


def test_an_unknown_device_is_named() -> None:
    assert device_of("cpu") == CPU
    with pytest.raises(BadInput, match="'abacus' is unknown"):
        device_of("abacus")
    with pytest.raises(BadInput, match="Device 'meta' is unknown"):
        device_of("meta")


def test_a_missing_gpu_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert device_of("cuda") == torch.device("cuda")
    with pytest.raises(BadInput, match="'cuda:1' is not there: torch can use 1 GPUs"):
        device_of("cuda:1")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(BadInput, match="'cuda' is not there: torch can use 0 GPUs of this machine; give auto or cpu"):
        device_of("cuda")


def test_a_gpu_given_by_number_becomes_the_current_device(monkeypatch: pytest.MonkeyPatch) -> None:
    current: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", current.append)
    assert device_of("cuda:1") == torch.device("cuda", 1)
    assert device_of("cpu") == CPU
    assert current == [torch.device("cuda", 1)]


def test_tf32_is_set_for_a_gpu_and_left_alone_for_a_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flags = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [each.allow_tf32 for each in flags]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)

    def settings(name: str, tf32: bool | None) -> list[bool]:
        device_of(name, tf32)
        return [each.allow_tf32 for each in flags]

    try:
        assert settings("cpu", not before[0]) == before
        assert settings("cuda", True) == [True, True]
        assert settings("cuda", None) == [True, True]
        assert settings("cuda", False) == [False, False]
    finally:
        for each, value in zip(flags, before, strict=True):
            each.allow_tf32 = value


def test_a_model_saved_again_does_not_contain_the_path_it_was_loaded_from(tmp_path: Path) -> None:
    from tests.unit.tiny_models import unet_4
    from tgvac.models.backbones import load_unet

    unet_4().save_pretrained(tmp_path / "here" / "unet")
    load_unet(tmp_path / "here").save_pretrained(tmp_path / "there")
    assert str(tmp_path) not in (tmp_path / "there" / "config.json").read_text()
