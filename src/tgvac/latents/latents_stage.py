"""Phase `latents`: frames and encodes each training clip and pair once, and encodes their sentences.

    latents/files/<track>.safetensors     all recipes of one target track, "<recipe>|<what>":
                                          float32 [F,c,h,w], not scaled
                                          target_mean, target_std   the whole object on white
                                          frame, mask               the input and the visible mask (mode)
                                          n-th further draw of masks: "<recipe>|mask|<n>", and the other three if the
                                          window follows the masks
                                          hole, holed, image        on request (tgvac.latents.encoding)
    latents/files/<source>--bucket-000.safetensors
                                          one bucket of pairs, "<what>": float32 [P,c,h,w]; the metadata has the
                                          pairs' ids, row by row
    latents/texts/<digit>.safetensors     the text encoder's states (tgvac.latents.text_states)
    latents/index.json                    index of all files; facts: the recipes and their frames, or the number of
                                          pairs, and the key

Without a cache, a file only lists what training will encode, and its key:

    latents/files/<item>.json             {"format", "key", "recipes" or "pairs"}

A file's key covers recipe, tracks, masks, autoencoder and preprocessing (tgvac.latents.cache_keys), so a stale cache is
recognised.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from safetensors.torch import save_file

from tgvac.clips.framing import FramingParams
from tgvac.clips.pair_clips import pair_sources
from tgvac.clips.track import file_stem
from tgvac.devices import device_of, pin
from tgvac.files import write_json, writing_apart
from tgvac.latents.cache_keys import bucket_items, clip_items
from tgvac.latents.encoding import Embed, encode_clips, encode_pairs
from tgvac.latents.params import LatentsParams
from tgvac.latents.text_states import by_file, encoder_digest, texts_to_cache
from tgvac.models.backbones import Backbones, load_backbones
from tgvac.models.image_encoder import load_image_encoder
from tgvac.models.params import ComputeParams
from tgvac.models.runtime import quiet
from tgvac.models.text import encode_text, unread
from tgvac.shards import Made, run_items, shard_of, write_index
from tgvac.stage import Context
from tgvac.synthesis.clips import RecipeClips, track_opener

FORMAT = "tgvac-latents-1"


def run(ctx: Context, *, framing: FramingParams, latents: LatentsParams, compute: ComputeParams) -> None:
    """Encode the clips, pairs and sentences of one shard; the runner joins the shards' indices."""
    pin(compute.threads)
    quiet()
    items = clip_items(ctx, framing, latents, compute) | bucket_items(ctx, framing, latents, compute)
    clips = RecipeClips((r for found in items.recipes.values() for r in found), track_opener(ctx))
    pairs = pair_sources(ctx.results / "sources")
    texts: dict[str, dict[str, str]] = {}
    if latents.cache:
        encoder = encoder_digest(ctx, compute)
        texts = by_file(texts_to_cache(ctx, encoder, items.recipes, pairs, latents.texts))
    keys: dict[str, Any] = items.keys | {item: list(named) for item, named in texts.items()}
    mine = {item: [key, ctx.digest] for item, key in keys.items() if shard_of(item, ctx.shards) == ctx.shard}

    @cache
    def backbones() -> Backbones:
        return load_backbones(ctx.results / "backbones", device_of(ctx.device, compute.tf32))

    @cache
    def embed() -> Embed | None:
        device = device_of(ctx.device, compute.tf32)
        folder = ctx.results / "backbones"
        return load_image_encoder(folder, device, compute.vae_batch) if latents.images else None

    framed = (framing, compute.vae_batch, latents.mask_noise, latents.mask_draws, latents.holes)

    def make(item: str) -> list[Made]:
        if item in texts:
            path = ctx.out / f"{item}.safetensors"
            for text in sorted(texts[item].values()):
                _say_unread(ctx, backbones(), text)
            with writing_apart(path) as part:
                save_file({name: encode_text(backbones(), [text])[0] for name, text in texts[item].items()}, part)
            return [Made(item, path, {"texts": len(texts[item])})]
        facts: dict[str, Any] = {"key": items.keys[item]}
        if item in items.buckets:
            name, number = items.buckets[item]
            samples = pairs[name].in_bucket(number)
            facts["pairs"] = len(samples)
        else:
            facts["recipes"] = {r.recipe: r.frames for r in items.recipes[item]}
        path = ctx.out / "files" / f"{file_stem(item)}.safetensors"
        plan = path.with_suffix(".json")
        if not latents.cache:
            path.unlink(missing_ok=True)
            write_json(plan, {"format": FORMAT, **facts})
            return [Made(item, plan, facts)]
        plan.unlink(missing_ok=True)
        metadata = None
        if item in items.buckets:
            tensors = encode_pairs(backbones().vae, pairs[name], samples, *framed, embed())
            metadata = {"pairs": "\n".join(samples)}
        else:
            encoded = {r: encode_clips(backbones().vae, clips, [r], *framed, embed()) for r in facts["recipes"]}
            tensors = {f"{r}|{what}": value for r, found in encoded.items() for what, value in found.items()}
        with writing_apart(path) as part:
            save_file(tensors, part, metadata=metadata)
        return [Made(item, path, facts)]

    write_index(ctx.shard_index(), run_items(ctx.label, mine, ctx.ledger(), make))


def _say_unread(ctx: Context, backbones: Backbones, text: str) -> None:
    """Name what of a sentence the text encoder does not read."""
    if lost := unread(backbones.tokenizer, backbones.text_encoder.config.max_position_embeddings, text):
        print(f"{ctx.label}: the text encoder does not read '{lost}' of '{text}'", flush=True)
