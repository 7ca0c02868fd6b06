# Phase `masks`: shards, then their joining.
rule masks_shard:
    input:
        final("tracks"),
    output:
        part("masks"),
    log:
        log_of("masks", "shard-{shard}"),
    benchmark:
        benchmark_of("masks", "shard-{shard}")
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        digest=digest("masks"),
    message:
        "masks: shard {wildcards.shard}"
    shell:
        "{STAGE:q} masks --scale {SCALE:q} --shard $((10#{wildcards.shard})) 2>&1 | tee {log:q}"


rule masks:
    input:
        parts("masks"),
    output:
        final("masks"),
    log:
        log_of("masks"),
    benchmark:
        benchmark_of("masks")
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        digest=join_digest("masks"),
    message:
        "masks: join the shards"
    shell:
        "{STAGE:q} masks --scale {SCALE:q} --merge 2>&1 | tee {log:q}"
