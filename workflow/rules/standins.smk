# The stand-ins that come with the project, put together from a scale that trained them. No phase: nothing reads it.
rule standins:
    input:
        final("backbones"),
        f"results/{SCALE}/frame/full/seed0/index.json",
        f"results/{SCALE}/motion/full/seed0/index.json",
        [
            f"results/{SCALE}/frame/{variant}/seed0/index.json"
            for variant in GRAPH.params.baseline_variants
        ],
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
        digest=GRAPH.decided_by("tgvac.release.shipping"),
    message:
        "standins"
    shell:
        "{TGVAC:q} standins --scale {SCALE:q} 2>&1 | tee {log:q}"


# Stand-ins that this scale takes and another one trains: `backbones.shipped` below results/. A Snakemake of their own, since a graph
# is of one scale; it takes no lock, since this one holds the folder. Each keeps a record of files of its own: hence the copy.
rule standins_of_another_scale:
    output:
        f"results/{SCALE}/taken/index.json",
    log:
        log_of("taken"),
    benchmark:
        benchmark_of("taken")
    threads: 2
    resources:
        mem_mb=32000,
        runtime=720,
    params:
        other=GRAPH.taken,
        digest=GRAPH.taken_digest(),
    message:
        "stand-ins of scale {params.other}"
    shell:
        "env -u TGVAC_GIVEN {SNAKEMAKE:q} standins -c{threads} --nolock {SETTINGS:q} --config scale={params.other:q} 2>&1 | tee {log:q} && cp results/{params.other:q}/standins/index.json {output:q}"
