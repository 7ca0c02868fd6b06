"""Names and shapes of the tensors in checkpoints of Latent Diffusion, written from its layers: a UNet of Stable
Diffusion 1.x, its autoencoder, and the image tower of OpenAI's CLIP."""

from __future__ import annotations

from collections.abc import Iterator

Named = Iterator[tuple[str, tuple[int, ...]]]


def linear(name: str, wide: int, narrow: int, bias: bool = True) -> Named:
    yield f"{name}.weight", (wide, narrow)
    if bias:
        yield f"{name}.bias", (wide,)


def conv(name: str, out: int, into: int, side: int = 3) -> Named:
    yield f"{name}.weight", (out, into, side, side)
    yield f"{name}.bias", (out,)


def norm(name: str, width: int) -> Named:
    yield f"{name}.weight", (width,)
    yield f"{name}.bias", (width,)


def unet(widths: tuple[int, ...], channels: int, attends: int, prefix: str = "model.diffusion_model.") -> Named:
    """Two residual blocks a level, attention in all levels but the last."""
    time = 4 * widths[0]

    def residual(name: str, into: int, out: int) -> Named:
        yield from norm(f"{name}.in_layers.0", into)
        yield from conv(f"{name}.in_layers.2", out, into)
        yield from linear(f"{name}.emb_layers.1", out, time)
        yield from norm(f"{name}.out_layers.0", out)
        yield from conv(f"{name}.out_layers.3", out, out)
        if into != out:
            yield from conv(f"{name}.skip_connection", out, into, 1)

    def attention(name: str, width: int) -> Named:
        yield from norm(f"{name}.norm", width)
        yield from conv(f"{name}.proj_in", width, width, 1)
        block = f"{name}.transformer_blocks.0"
        for part, context in (("attn1", width), ("attn2", attends)):
            yield from linear(f"{block}.{part}.to_q", width, width, bias=False)
            yield from linear(f"{block}.{part}.to_k", width, context, bias=False)
            yield from linear(f"{block}.{part}.to_v", width, context, bias=False)
            yield from linear(f"{block}.{part}.to_out.0", width, width)
        yield from linear(f"{block}.ff.net.0.proj", 8 * width, width)
        yield from linear(f"{block}.ff.net.2", width, 4 * width)
        for i in (1, 2, 3):
            yield from norm(f"{block}.norm{i}", width)
        yield from conv(f"{name}.proj_out", width, width, 1)

    def all_of_it() -> Named:
        yield from linear("time_embed.0", time, widths[0])
        yield from linear("time_embed.2", time, time)
        yield from conv("input_blocks.0.0", widths[0], channels)
        n, here, skips = 1, widths[0], [widths[0]]
        for level, width in enumerate(widths):
            for _ in range(2):
                yield from residual(f"input_blocks.{n}.0", here, width)
                if level < len(widths) - 1:
                    yield from attention(f"input_blocks.{n}.1", width)
                n, here = n + 1, width
                skips.append(here)
            if level < len(widths) - 1:
                yield from conv(f"input_blocks.{n}.0.op", here, here)
                n += 1
                skips.append(here)
        yield from residual("middle_block.0", here, here)
        yield from attention("middle_block.1", here)
        yield from residual("middle_block.2", here, here)
        n = 0
        for level in reversed(range(len(widths))):
            for last in (False, False, True):
                yield from residual(f"output_blocks.{n}.0", here + skips.pop(), widths[level])
                here, attended = widths[level], level < len(widths) - 1
                if attended:
                    yield from attention(f"output_blocks.{n}.1", here)
                if last and level > 0:
                    yield from conv(f"output_blocks.{n}.{2 if attended else 1}.conv", here, here)
                n += 1
        yield from norm("out.0", here)
        yield from conv("out.2", 4, here)

    for name, shape in all_of_it():
        yield prefix + name, shape


def autoencoder(widths: tuple[int, ...], latents: int = 4, prefix: str = "first_stage_model.") -> Named:
    def residual(name: str, into: int, out: int) -> Named:
        yield from norm(f"{name}.norm1", into)
        yield from conv(f"{name}.conv1", out, into)
        yield from norm(f"{name}.norm2", out)
        yield from conv(f"{name}.conv2", out, out)
        if into != out:
            yield from conv(f"{name}.nin_shortcut", out, into, 1)

    def middle(name: str, width: int) -> Named:
        yield from residual(f"{name}.block_1", width, width)
        yield from norm(f"{name}.attn_1.norm", width)
        for part in ("q", "k", "v", "proj_out"):
            yield from conv(f"{name}.attn_1.{part}", width, width, 1)
        yield from residual(f"{name}.block_2", width, width)

    def all_of_it() -> Named:
        here = widths[0]
        yield from conv("encoder.conv_in", here, 3)
        for level, width in enumerate(widths):
            for j in range(2):
                yield from residual(f"encoder.down.{level}.block.{j}", here, width)
                here = width
            if level < len(widths) - 1:
                yield from conv(f"encoder.down.{level}.downsample.conv", here, here)
        yield from middle("encoder.mid", here)
        yield from norm("encoder.norm_out", here)
        yield from conv("encoder.conv_out", 2 * latents, here)
        yield from conv("quant_conv", 2 * latents, 2 * latents, 1)
        yield from conv("post_quant_conv", latents, latents, 1)
        yield from conv("decoder.conv_in", here, latents)
        yield from middle("decoder.mid", here)
        for level in reversed(range(len(widths))):
            for j in range(3):
                yield from residual(f"decoder.up.{level}.block.{j}", here, widths[level])
                here = widths[level]
            if level > 0:
                yield from conv(f"decoder.up.{level}.upsample.conv", here, here)
        yield from norm("decoder.norm_out", here)
        yield from conv("decoder.conv_out", 3, here)

    for name, shape in all_of_it():
        yield prefix + name, shape


def visual(
    width: int, layers: int, patch: int, size: int, out: int, prefix: str = "cond_stage_model.model.visual."
) -> Named:
    def all_of_it() -> Named:
        yield "class_embedding", (width,)
        yield "positional_embedding", ((size // patch) ** 2 + 1, width)
        yield "proj", (width, out)
        yield "conv1.weight", (width, 3, patch, patch)
        yield from norm("ln_pre", width)
        yield from norm("ln_post", width)
        for i in range(layers):
            block = f"transformer.resblocks.{i}"
            yield f"{block}.attn.in_proj_weight", (3 * width, width)
            yield f"{block}.attn.in_proj_bias", (3 * width,)
            yield from linear(f"{block}.attn.out_proj", width, width)
            yield from norm(f"{block}.ln_1", width)
            yield from linear(f"{block}.mlp.c_fc", 4 * width, width)
            yield from linear(f"{block}.mlp.c_proj", width, 4 * width)
            yield from norm(f"{block}.ln_2", width)

    for name, shape in all_of_it():
        yield prefix + name, shape


def average_name(name: str) -> str:
    """The name of a UNet's tensor in the moving average of Latent Diffusion, which is a buffer and so has no dots."""
    return "model_ema." + name.removeprefix("model.").replace(".", "")
