# Phase `captions`: shards, then their joining.
rule captions_shard:
    input:
        final("sources"),
        final("tracks"),
        final("masks"),
        final("select"),
    output:
        part("captions"),
    log:
        log_of("captions", "shard-{shard}"),
    benchmark:
        benchmark_of("captions", "shard-{shard}")
    threads: GRAPH.threads
    resources:
        mem_mb=16000,
        runtime=480,
    params:
        digest=digest("captions"),
    message:
        "captions: shard {wildcards.shard}"
    shell:
        "{STAGE:q} captions --scale {SCALE:q} --shard $((10#{wildcards.shard})) 2>&1 | tee {log:q}"


rule captions:
    input:
        parts("captions"),
    output:
        final("captions"),
    log:
        log_of("captions"),
    benchmark:
        benchmark_of("captions")
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        digest=join_digest("captions"),
    message:
        "captions: join the shards"
    shell:
        "{STAGE:q} captions --scale {SCALE:q} --merge 2>&1 | tee {log:q}"
