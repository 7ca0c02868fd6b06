# The finished runs, shown to MLflow. Nothing depends on it, and its failure fails nothing.
rule track:
    input:
        ancient(final("report")),
        final("backbones"),
        final("metrics"),
        runs("frame"),
        runs("motion"),
    output:
        GRAPH.tracked(),
    log:
        log_of("track"),
    benchmark:
        benchmark_of("track")
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        format=tracked_outcome.FORMAT,
    message:
        "track"
    shell:
        "{TGVAC:q} track --scale {SCALE:q} --optional 2>&1 | tee {log:q}"
