# Phase `tracks`: shards, then their joining.
rule tracks_shard:
    input:
        final("sources"),
    output:
        part("tracks"),
    log:
        log_of("tracks", "shard-{shard}"),
    benchmark:
        benchmark_of("tracks", "shard-{shard}")
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        digest=digest("tracks"),
    message:
        "tracks: shard {wildcards.shard}"
    shell:
        "{STAGE:q} tracks --scale {SCALE:q} --shard $((10#{wildcards.shard})) 2>&1 | tee {log:q}"


rule tracks:
    input:
        parts("tracks"),
    output:
        final("tracks"),
        lists("tracks"),
    log:
        log_of("tracks"),
    benchmark:
        benchmark_of("tracks")
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        digest=join_digest("tracks"),
    message:
        "tracks: join the shards"
    shell:
        "{STAGE:q} tracks --scale {SCALE:q} --merge 2>&1 | tee {log:q}"
