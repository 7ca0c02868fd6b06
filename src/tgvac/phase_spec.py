"""What a phase is: its entry module, the params that decide it, the files it reads and makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from tgvac.code_digests import TREE, SourceTree
from tgvac.completion.given import GIVEN, Part
from tgvac.methods.registry import REGISTRY, Method, method_of

Options = Mapping[str, str]
"""Method, variant and seed of a job; and, as far as known, what its params say (:func:`tgvac.phases.known`)."""
NO_OPTIONS: Options = MappingProxyType({})


@dataclass(frozen=True)
class Phase:
    """One phase: a rule file, a folder below ``results/<scale>/``, a command ``tgvac stage <name>``.

    Attributes:
        module: the entry module, in which ``run(ctx, **blocks)`` is called.
        blocks: the params that the phase reads, which decide its digest. A dotted name is a leaf of a block: the
            phase gets the whole block, but only that leaf decides. ``{…}`` is an option of the job.
        after: the phases whose output it reads. The registry of methods adds what a job reads for its method.
        final: the files that the phase ends in, below its folder, on which later phases depend. All are small: they
            name larger files by digest.
        reads: files of the project itself that it reads.
        here: files that hold for this machine only and decide nothing.
        lists: lists of what it left out. People read them, and no other result is made from them.
        shows: the phases whose lists it reads.
        aside: blocks that it gets but that decide none of its final files, such as those of sample images.
        shards: which number of shards it has, or None.
        part: the file of one shard, if there are shards.
        join: the module whose ``join(ctx, **joined)`` joins the shards; "" joins their indices.
        joined: the blocks that the joining gets, or leaves of them.
        without: modules that decide which jobs there are, but not what a job makes.
        loads_method: whether its jobs run a method of the registry.
    """

    name: str
    module: str
    blocks: tuple[str, ...]
    after: tuple[str, ...]
    final: tuple[str, ...]
    shards: Literal["data", "evaluation"] | None = None
    part: str = ""
    here: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    shows: tuple[str, ...] = ()
    join: str = ""
    joined: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    loads_method: bool = False

    @property
    def wildcards(self) -> tuple[str, ...]:
        """Those of method, variant and seed that its file names contain."""
        names = " ".join((*self.final, self.part))
        return tuple(w for w in ("method", "variant", "seed") if f"{{{w}}}" in names)

    @property
    def trains(self) -> bool:
        """Whether it trains networks, with one job per variant and seed."""
        return self.wildcards == ("variant", "seed")

    def modules(self, options: Options) -> tuple[str, ...]:
        """The entry modules that a job runs; without options, those of all jobs."""
        return (self.module, *dict.fromkeys(part.module for part in self._parts(options)))

    def code(self, options: Options, tree: SourceTree = TREE) -> str:
        """The digest of the code that decides a job's results."""
        return tree.digest(*self.modules(options), without=self.without)

    def blocks_of(self, options: Options) -> tuple[str, ...]:
        """The names of the params that decide a job's results; without options, those of all jobs."""
        return tuple(dict.fromkeys([*self.blocks, *(name for part in self._parts(options) for name in part.params)]))

    def _parts(self, options: Options) -> tuple[Method | Part, ...]:
        """The methods that a job may run, and what may change what they are given."""
        if not self.loads_method:
            return ()
        if not (name := options.get("method")):
            return (*REGISTRY.values(), *GIVEN.values())
        return (method_of(name), *(GIVEN[given] for given in options.get("given", "").split()))
