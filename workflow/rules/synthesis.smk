# Phase `synthesis`: shards, then their joining.
rule synthesis_shard:
    input:
        final("tracks"),
        final("masks"),
        final("select"),
    output:
        part("synthesis"),
    log:
        log_of("synthesis", "shard-{shard}"),
    benchmark:
        benchmark_of("synthesis", "shard-{shard}")
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        digest=digest("synthesis"),
    message:
        "synthesis: shard {wildcards.shard}"
    shell:
        "{STAGE:q} synthesis --scale {SCALE:q} --shard $((10#{wildcards.shard})) 2>&1 | tee {log:q}"


rule synthesis:
    input:
        parts("synthesis"),
    output:
        final("synthesis"),
    log:
        log_of("synthesis"),
    benchmark:
        benchmark_of("synthesis")
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        digest=join_digest("synthesis"),
    message:
        "synthesis: join the shards"
    shell:
        "{STAGE:q} synthesis --scale {SCALE:q} --merge 2>&1 | tee {log:q}"
