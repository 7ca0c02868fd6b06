# What all rules share. Digests and files come from the graph, which asks tgvac.phases.
import os
import sys

from tgvac.bridge import cluster_job
from tgvac.bridge import graph as tgvac_graph
from tgvac.bridge import mlflow_outcome
from tgvac.bridge.workflow import SETTINGS

# `snakemake standins` needs no scale: only one ends in them. It is set in the environment, so that cluster jobs get it, too.
# Snakemake knows its targets only after all rules have been read.
if "standins" in sys.argv[1:]:
    os.environ.setdefault(tgvac_graph.SCALE, "standins-completion")
# Each job of a cluster has a Snakemake of its own.
if workflow.remote_exec:
    cluster_job.prepare_job()
# Snakemake formats the prefix.
shell.prefix(cluster_job.SHELL.replace("{", "{{").replace("}", "}}"))
GRAPH = tgvac_graph.Graph.load(config)
SCALE = GRAPH.scale
TGVAC = [sys.executable, "-m", "tgvac"]
STAGE = [*TGVAC, "stage"]
SNAKEMAKE = [sys.executable, "-m", "snakemake"]

# Functions of the graph under short names; each returns paths or digests, relative to the clone.
final = GRAPH.final
parts = GRAPH.parts
part = GRAPH.part
all_parts = GRAPH.all_parts
reads = GRAPH.reads
lists = GRAPH.lists
runs = GRAPH.runs
digest = GRAPH.digest
join_digest = GRAPH.join_digest
log_of = GRAPH.log
benchmark_of = GRAPH.benchmark
method_inputs = GRAPH.method_inputs
method_inputs_of_all_shards = GRAPH.method_inputs_of_all_shards
