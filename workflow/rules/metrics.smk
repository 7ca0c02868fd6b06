# Phase `metrics`: from completions to rows, all shards of a method in one job, then all rows.
rule metrics_method:
    input:
        final("tracks"),
        final("masks"),
        final("synthesis"),
        final("captions"),
        final("backbones"),
        all_parts("completion"),
    output:
        all_parts("metrics"),
    log:
        log_of("metrics", "{method}-{variant}-seed{seed}"),
    benchmark:
        benchmark_of("metrics", "{method}-{variant}-seed{seed}")
    threads: GRAPH.threads
    resources:
        mem_mb=8000,
        runtime=240,
    params:
        digest=digest("metrics"),
    message:
        "metrics: {wildcards.method}/{wildcards.variant} seed {wildcards.seed}"
    shell:
        "{STAGE:q} metrics --scale {SCALE:q} --method {wildcards.method:q} --variant {wildcards.variant:q} --seed {wildcards.seed} 2>&1 | tee {log:q}"


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
