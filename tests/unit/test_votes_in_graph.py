"""The graph, Snakemake's rule and DVC's list name a scale's votes where there are any, and only there."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.unit.test_votes import study, vote
from tgvac.bridge.dvc_stages import _text
from tgvac.bridge.graph import Graph
from tgvac.clips.votes import Votes, votes_file, write_votes

FILE = "reference/votes/tiny.csv"


def deps_of(root: Path, phase: str) -> list[str]:
    deps: list[str] = yaml.safe_load(_text(root, "tiny"))["stages"][phase]["deps"]
    return deps


def test_votes_are_an_input_of_the_report_alone_and_only_where_they_are(project: Path) -> None:
    assert votes_file("tiny") == FILE
    assert Graph.of("tiny", {}, project).votes == ()
    assert FILE not in Graph.of("tiny", {}, project).job("report").inputs
    assert FILE not in deps_of(project, "report")
    write_votes(project / FILE, Votes(study(), (vote(),)))
    graph = Graph.of("tiny", {}, project)
    assert graph.votes == (FILE,)
    assert FILE in graph.job("report").inputs
    assert FILE in deps_of(project, "report")
    assert FILE not in deps_of(project, "motion")
    assert Graph.of("smoke", {}, project).votes == ()
    assert "GRAPH.votes" in (project / "workflow" / "rules" / "report.smk").read_text()
