# Phase `dataset`: the data set's card, minutes after a run began.
rule dataset:
    # The registry, which `sources` reads, too, is no input: only its rows in use count, among the params.
    input:
        final("sources"),
        final("tracks"),
        final("masks"),
        final("select"),
        final("synthesis"),
        final("captions"),
        lists("sources"),
        lists("tracks"),
        [file for file in reads("dataset") if file not in reads("sources")],
    output:
        final("dataset"),
    log:
        log_of("dataset"),
    benchmark:
        benchmark_of("dataset")
    priority: 10
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        digest=digest("dataset"),
        registered=GRAPH.registered,
    message:
        "dataset"
    shell:
        "{STAGE:q} dataset --scale {SCALE:q} 2>&1 | tee {log:q}"
