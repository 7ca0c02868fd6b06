# Phase `latents`: shards, then their joining.
rule latents_shard:
    input:
        final("sources"),
        final("tracks"),
        final("masks"),
        final("synthesis"),
        final("captions"),
        final("backbones"),
    output:
        part("latents"),
    log:
        log_of("latents", "shard-{shard}"),
    benchmark:
        benchmark_of("latents", "shard-{shard}")
    # Trainings wait for all of them; the trivial baselines need none and can be evaluated while trainings end.
    priority: 7
    threads: GRAPH.threads
    resources:
        mem_mb=8000,
        runtime=240,
    params:
        digest=digest("latents"),
    message:
        "latents: shard {wildcards.shard}"
    shell:
        "{STAGE:q} latents --scale {SCALE:q} --shard $((10#{wildcards.shard})) 2>&1 | tee {log:q}"


rule latents:
    input:
        parts("latents"),
    output:
        final("latents"),
    log:
        log_of("latents"),
    benchmark:
        benchmark_of("latents")
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        digest=join_digest("latents"),
    message:
        "latents: join the shards"
    shell:
        "{STAGE:q} latents --scale {SCALE:q} --merge 2>&1 | tee {log:q}"
