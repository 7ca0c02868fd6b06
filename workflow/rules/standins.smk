# The stand-ins that come with the project, put together from a scale that trained them. No phase: nothing reads it.
rule standins:
    input:
        final("backbones"),
        f"results/{SCALE}/frame/full/seed0/index.json",
        f"results/{SCALE}/motion/full/seed0/index.json",
    output:
        f"results/{SCALE}/standins/index.json",
    log:
        log_of("standins"),
    benchmark:
        benchmark_of("standins")
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        digest=GRAPH.decided_by("tgvac.training.ship"),
    message:
        "standins"
    shell:
        "{TGVAC:q} standins --scale {SCALE:q} 2>&1 | tee {log:q}"


# Stand-ins that this scale takes and another one trains. A Snakemake of their own, since a graph is of one scale; it takes no
# lock, since this one holds the folder.
rule standins_of_another_scale:
    output:
        "results/{other}/standins/index.json",
    log:
        "logs/{other}/standins/before.log",
    benchmark:
        "benchmarks/{other}/standins/before.tsv"
    wildcard_constraints:
        other=rf"(?!{SCALE}/)[^/]+",
    threads: workflow.cores
    resources:
        mem_mb=16000,
        runtime=720,
    params:
        digest=lambda wildcards: tgvac_graph.Graph.load(
            {"scale": wildcards.other}
        ).trained(),
    message:
        "stand-ins of scale {wildcards.other}"
    shell:
        "{SNAKEMAKE:q} standins -c{threads} --nolock {SETTINGS:q} --config scale={wildcards.other:q} 2>&1 | tee {log:q}"
