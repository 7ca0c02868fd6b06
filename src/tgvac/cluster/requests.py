"""What a run's jobs ask of a cluster, checked before any is submitted: otherwise a job fails, or waits for ever."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tgvac.cluster.site import Partition, Site
from tgvac.config import nearest
from tgvac.errors import BadInput

PROFILE = "workflow/profiles/slurm/profile.yaml"


@dataclass(frozen=True)
class Request:
    """What the jobs of a rule ask for.

    Attributes:
        memory: MB; 0 if none is named.
        minutes: the time limit; 0 likewise.
        model: of the GPUs; "" for any.
    """

    rule: str
    partition: str
    account: str
    minutes: int
    memory: int
    cpus: int
    gpus: int
    model: str

    @classmethod
    def of(cls, job: Any) -> Request:
        """The request of a Snakemake job, as the executor submits it."""
        resources = job.resources

        def number(name: str) -> int:
            return int(resources.get(name) or 0)

        gpus = number("gpu")
        each = number("cpus_per_gpu") * gpus
        return cls(
            rule=job.rule.name,
            partition=str(resources.get("slurm_partition") or ""),
            account=str(resources.get("slurm_account") or ""),
            minutes=number("runtime"),
            memory=number("mem_mb"),
            cpus=number("cpus_per_task") or each or int(job.threads),
            gpus=gpus,
            model=str(resources.get("gpu_model") or ""),
        )


def check_requests(site: Site, requests: Iterable[Request]) -> None:
    """Refuse requests that the cluster can never meet.

    Raises:
        BadInput: with the rule, what it asks for, what there is, and the key to change.
    """
    for wanted in requests:
        _check_account(site, wanted)
        partition = site.partition(wanted.partition)
        if partition is None:
            raise BadInput(_no_partition(site, wanted))
        if partition.minutes is not None and wanted.minutes > partition.minutes:
            raise BadInput(
                f"{wanted.rule} asks for {wanted.minutes} minutes, but jobs in the partition '{partition.name}' get"
                f" {partition.minutes} at most; set its runtime in {PROFILE} to that (work that is cut off goes on)."
            )
        _check_nodes(partition, wanted)


def _check_account(site: Site, wanted: Request) -> None:
    if wanted.account and site.accounts and wanted.account not in site.accounts:
        raise BadInput(
            f"{wanted.rule} is charged to the account '{wanted.account}', but yours are {', '.join(site.accounts)};"
            f" set slurm_account in {PROFILE}."
        )
    if not wanted.account and site.account_needed:
        mine = f"; yours are {', '.join(site.accounts)}" if site.accounts else ""
        raise BadInput(f"This cluster refuses jobs without an account: set slurm_account in {PROFILE}{mine}.")


def _no_partition(site: Site, wanted: Request) -> str:
    names = [each.name for each in site.partitions]
    if not wanted.partition:
        return (
            f"{wanted.rule} names no partition, and this cluster has no default one; set slurm_partition in {PROFILE}"
            f" to one of {', '.join(names)}."
        )
    return (
        f"{wanted.rule} asks for the partition '{wanted.partition}', which this cluster does not have;"
        f" {nearest(wanted.partition, names)} Set slurm_partition in {PROFILE}."
    )


def _check_nodes(partition: Partition, wanted: Request) -> None:
    nodes = partition.nodes
    if wanted.gpus:
        models = sorted({model for each in nodes for model in each.gpus if model})
        if not any(each.gpus for each in nodes):
            raise BadInput(
                f"{wanted.rule} asks for a GPU in the partition '{partition.name}', which has none; set its"
                f" slurm_partition in {PROFILE} to one with GPUs."
            )
        if wanted.model and wanted.model not in models:
            raise BadInput(
                f"{wanted.rule} asks for a GPU of the type '{wanted.model}', but the partition '{partition.name}' has"
                f" {', '.join(models) or 'GPUs without a type'}; set gpu_model in {PROFILE}."
            )
        nodes = tuple(each for each in nodes if _gpus(each.gpus, wanted.model) >= wanted.gpus)
        if not nodes:
            most = max(_gpus(each.gpus, wanted.model) for each in partition.nodes)
            raise BadInput(
                f"{wanted.rule} asks for {wanted.gpus} GPUs, but nodes of the partition '{partition.name}' have {most}"
                f" at most; set its gpu and the number of --processes in {PROFILE}."
            )
    for what, key, asked, most in (
        ("MB of memory", "mem_mb", wanted.memory, max(each.memory for each in nodes)),
        ("CPUs", "cpus_per_gpu" if wanted.gpus else "cpus_per_task", wanted.cpus, max(each.cpus for each in nodes)),
    ):
        if asked > most:
            raise BadInput(
                f"{wanted.rule} asks for {asked} {what}, but such nodes of the partition '{partition.name}' have {most}"
                f" at most; set its {key} in {PROFILE}."
            )


def _gpus(there: Any, model: str) -> int:
    return int(there.get(model, 0) if model else sum(there.values()))
