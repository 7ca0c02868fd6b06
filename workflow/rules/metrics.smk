# Phase `metrics`: from completions to rows, then all rows.
rule metrics_shard:
    input:
        final("tracks"),
        final("masks"),
        final("synthesis"),
        final("captions"),
        final("backbones"),
        part("completion"),
    output:
        part("metrics"),
    log:
        log_of("metrics", "{method}-{variant}-seed{seed}-{shard}"),
    benchmark:
        benchmark_of("metrics", "{method}-{variant}-seed{seed}-{shard}")
    threads: GRAPH.threads
    resources:
        mem_mb=8000,
        runtime=240,
    params:
        digest=digest("metrics"),
    message:
        "metrics: {wildcards.method}/{wildcards.variant} seed {wildcards.seed}, shard {wildcards.shard}"
    shell:
        "{STAGE:q} metrics --scale {SCALE:q} --method {wildcards.method:q} --variant {wildcards.variant:q} --seed {wildcards.seed} --shard $((10#{wildcards.shard})) 2>&1 | tee {log:q}"


rule metrics:
    input:
        parts("metrics"),
    output:
        final("metrics"),
    log:
        log_of("metrics"),
    benchmark:
        benchmark_of("metrics")
    threads: 1
    resources:
        mem_mb=8000,
        runtime=30,
    params:
        digest=join_digest("metrics"),
    message:
        "metrics: join the rows"
    shell:
        "{STAGE:q} metrics --scale {SCALE:q} --merge 2>&1 | tee {log:q}"
