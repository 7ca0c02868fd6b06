"""``tgvac complete``: an object in the user's own video, whole, as a layer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

_INTERRUPTED = 130
"""The exit code of a command that Ctrl+C ended."""


@contextmanager
def stoppable(said: str = "stopped; the same command goes on from what is done") -> Iterator[None]:
    """End the command with a sentence when Ctrl+C stops what is in this context, imports among it."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"\n{said}", flush=True)
        raise typer.Exit(_INTERRUPTED) from None


def _project() -> Path:
    """The project's folder, which has the shipped networks: this folder, or that of the installed clone."""
    import tgvac

    here, installed = Path.cwd(), Path(tgvac.__file__).resolve().parents[2]
    return installed if not (here / "params.yaml").is_file() and (installed / "params.yaml").is_file() else here


def complete(
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder of the results.")],
    video: Annotated[str, typer.Argument(help="A video file, or a folder of frames.")] = "",
    box: Annotated[
        list[str] | None, typer.Option(help="Around what is seen of the object: [FRAME:]x,y,w,h in pixels; repeatable.")
    ] = None,
    point: Annotated[
        list[str] | None, typer.Option(help="Points on the object: [FRAME:]x,y[,x,y…] in pixels; repeatable.")
    ] = None,
    not_point: Annotated[
        list[str] | None, typer.Option(help="Points that are not on it: [FRAME:]x,y[,x,y…]; repeatable.")
    ] = None,
    mask: Annotated[
        list[str] | None,
        typer.Option(help="What is seen of it: [FRAME:]FILE, repeatable; or a folder or video of one mask a frame."),
    ] = None,
    find: Annotated[
        str, typer.Option(help="The object in words, such as 'the dog behind the fence', where --find-weights are.")
    ] = "",
    find_weights: Annotated[
        str, typer.Option(help="Grounding DINO, a folder or a name on a hub; by default its tiny form on the hub.")
    ] = "",
    frame: Annotated[int, typer.Option(help="The frame of what names none, from 0.")] = 0,
    occluder: Annotated[
        list[str] | None,
        typer.Option(
            help="For --method progressive: what is in front of the object, as --mask: [FRAME:]FILE, or a folder."
        ),
    ] = None,
    text: Annotated[str, typer.Option(help="The whole object in a sentence, such as 'a brown dog'.")] = "",
    method: Annotated[
        str,
        typer.Option(
            help="ours, pix2gestalt, progressive, or without weights: copy_visible, temporal_copy, temporal_flow, …"
        ),
    ] = "ours",
    model: Annotated[
        str,
        typer.Option(
            help="A folder of tgvac export-model or tgvac convert, or a name on a hub; by default the shipped one."
        ),
    ] = "",
    steps: Annotated[
        int | None, typer.Option(min=1, help="Denoising steps; by default the model's own, with --fast at most ten.")
    ] = None,
    guidance: Annotated[float | None, typer.Option(min=0, help="Weight of the sentence.")] = None,
    stride: Annotated[int | None, typer.Option(min=1, help="Frames from one window to the next.")] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="At most ten steps, and windows that do not overlap: for long videos.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the noise: another one gives another completion.")] = 0,
    samples: Annotated[int, typer.Option(min=1, help="Several completions, and where they disagree.")] = 1,
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", help="Of the layer: png, webm, prores, mp4, mask; repeatable."),
    ] = None,
    colour: Annotated[str, typer.Option(help="Behind the object in the format mp4: a name, or #rrggbb.")] = "white",
    paste: Annotated[bool, typer.Option(help="Take what is seen from the input.")] = True,
    lost: Annotated[
        str, typer.Option(help="The layer where nothing is seen of the object: painted, or empty if it has left.")
    ] = "painted",
    tracker: Annotated[str, typer.Option(help="follow, or sam2 where its weights are.")] = "follow",
    device: Annotated[str, typer.Option(help="A torch device, such as cuda.")] = "cpu",
    preview: Annotated[bool, typer.Option("--preview", help="Only track, and write tracked.mp4.")] = False,
    repeat: Annotated[
        Path | None, typer.Option(help="The complete.json of an earlier run, in place of all other options.")
    ] = None,
) -> None:
    """Complete an object of your own video; the same command goes on where a stopped one ended."""
    from tgvac.complete.command import Completing, Options, read_occluder, read_options
    from tgvac.complete.finding import WEIGHTS, find_box
    from tgvac.complete.given_model import given_model
    from tgvac.config import parse
    from tgvac.errors import BadInput
    from tgvac.tracking.prompts import read_selection

    beside = {
        **{"VIDEO": video, "--box": box, "--mask": mask, "--frame": frame, "--text": text, "--model": model},
        **{"--point": point, "--not-point": not_point, "--find": find, "--find-weights": find_weights},
        **{"--steps": steps, "--guidance": guidance, "--stride": stride, "--seed": seed, "--format": formats},
        **{"--fast": fast, "--samples": samples > 1, "--colour": colour != "white", "--method": method != "ours"},
        **{"--no-paste": not paste, "--tracker": tracker != "follow", "--lost": lost != "painted"},
        **{"--occluder": occluder},
    }
    if repeat is not None and (named := [name for name, value in beside.items() if value]):
        raise BadInput(f"--repeat takes all options from {repeat}; leave {', '.join(named)} out.")
    if repeat is not None:
        options = read_options(repeat)
    elif not video:
        raise BadInput("Give a video file or a folder of frames, as in `tgvac complete VIDEO --box x,y,w,h --out DIR`.")
    else:
        boxes = list(box or ())
        if find_weights and not find:
            raise BadInput("--find-weights is only for --find; name the object by --find, or leave it out.")
        if find:
            found = find_box(Path(video).expanduser(), frame, find, find_weights or WEIGHTS, device)
            print(f"found with a score of {found.score:.2f}: --box {frame}:{found.option}", flush=True)
            boxes.append(f"{frame}:{found.option}")
        given = {
            "video": str(Path(video).expanduser().absolute()),
            "selection": read_selection(frame, boxes, point or (), not_point or (), mask or ()).model_dump(mode="json"),
            "occluder": occluder and read_occluder(frame, occluder).model_dump(mode="json"),
            "text": text,
            "method": method,
            "model": given_model(model),
            "tracker": tracker,
            "steps": steps,
            "guidance": guidance,
            "stride": stride,
            "fast": fast,
            "seed": seed,
            "samples": samples,
            "formats": formats or ["png"],
            "colour": colour,
            "paste": paste,
            "lost": lost,
        }
        options = parse(Options, given, "The command")
    with stoppable():
        look_at = Completing(_project(), options, out.expanduser().absolute(), device).run(preview)
    print(f"look at {look_at}")


def complete_export(
    inputs: Annotated[Path, typer.Argument(help="A folder of tgvac export --format inputs, or --truth.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder of the completions.")],
    method: Annotated[str, typer.Option(help="As of tgvac complete: ours, pix2gestalt, copy_visible, …")] = "ours",
    model: Annotated[str, typer.Option(help="As of tgvac complete; by default the shipped one.")] = "",
    steps: Annotated[int | None, typer.Option(min=1, help="Denoising steps; by default the model's own.")] = None,
    stride: Annotated[int | None, typer.Option(min=1, help="Frames from one window to the next.")] = None,
    fast: Annotated[bool, typer.Option("--fast", help="At most ten steps, and windows that do not overlap.")] = False,
    seed: Annotated[int, typer.Option(help="Of the noise.")] = 0,
    paste: Annotated[bool, typer.Option(help="Take what is seen from the input.")] = True,
    device: Annotated[str, typer.Option(help="A torch device, such as cuda.")] = "cpu",
) -> None:
    """Complete each sample of an export, as tgvac evaluate reads it; a stopped run goes on."""
    with stoppable():
        from tgvac.complete.command import Options
        from tgvac.complete.export import complete_export as run
        from tgvac.complete.given_model import given_model
        from tgvac.config import parse
        from tgvac.counted import counted

        given = {"video": "", "method": method, "model": given_model(model), "steps": steps, "stride": stride}
        options = parse(Options, {**given, "fast": fast, "seed": seed, "paste": paste}, "The command")
        made = run(_project(), inputs.expanduser().absolute(), out.expanduser().absolute(), options, device)
    for reason in made.left_out.values():
        print(f"left out: {reason}")
    print(f"{counted(made.samples, 'sample')} {'is' if made.samples == 1 else 'are'} completed in {out}")


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder of the results.")] = Path("demo"),
) -> None:
    """Draw a clip of the procedural world, and complete an object in it with the shipped model; about a minute."""
    from tgvac.complete.demo import demo as run

    print(f"look at {run(_project(), out.expanduser().absolute())}")


def app(
    host: Annotated[str, typer.Option(help="The address to listen on; others than this machine's own can use it.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option("--port", "-p", min=0, max=65535, help="A free port; 0 takes any.")] = 7860,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder of uploads and results.")] = Path("app"),
    upload_mb: Annotated[
        int, typer.Option("--max-upload", min=1, help="Megabytes that an uploaded video may have.")
    ] = 1000,
    model: Annotated[
        str,
        typer.Option(help="A folder of tgvac export-model, or its name on a hub; by default the shipped one."),
    ] = "",
    tracker: Annotated[str, typer.Option(help="follow, or sam2 where its weights are.")] = "follow",
    device: Annotated[str, typer.Option(help="A torch device, such as cuda.")] = "cpu",
) -> None:
    """Complete objects in the browser: click on one, see it tracked, get it whole."""
    from tgvac.app.serve import serve
    from tgvac.app.work import Settings
    from tgvac.complete.given_model import given_model
    from tgvac.config import parse

    settings = parse(Settings, {"model": given_model(model), "tracker": tracker, "device": device}, "The command")
    serve(_project(), out.expanduser().absolute(), settings, host, port, upload_mb)
