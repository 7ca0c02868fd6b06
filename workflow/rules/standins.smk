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
