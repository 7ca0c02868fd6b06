# Phase `completion`: every method on every evaluated sample.
rule completion_shard:
    input:
        final("tracks"),
        final("masks"),
        final("synthesis"),
        final("captions"),
        method_inputs,
    output:
        part("completion"),
    log:
        log_of("completion", "{method}-{variant}-seed{seed}-{shard}"),
    benchmark:
        benchmark_of("completion", "{method}-{variant}-seed{seed}-{shard}")
    wildcard_constraints:
        method=GRAPH.heavy(),
    threads: GRAPH.threads
    resources:
        mem_mb=16000,
        runtime=720,
    params:
        digest=digest("completion"),
    message:
        "completion: {wildcards.method}/{wildcards.variant} seed {wildcards.seed}, shard {wildcards.shard}"
    shell:
        "{STAGE:q} completion --scale {SCALE:q} --method {wildcards.method:q} --variant {wildcards.variant:q} --seed {wildcards.seed} --shard $((10#{wildcards.shard})) 2>&1 | tee {log:q}"


# A method without trained networks, or one that pastes: all of its shards in one job, each of which would take minutes.
rule completion_method:
    input:
        final("tracks"),
        final("masks"),
        final("synthesis"),
        final("captions"),
        method_inputs_of_all_shards,
    output:
        all_parts("completion"),
    log:
        log_of("completion", "{method}-{variant}-seed{seed}"),
    benchmark:
        benchmark_of("completion", "{method}-{variant}-seed{seed}")
    wildcard_constraints:
        method=GRAPH.light(),
    threads: GRAPH.threads
    resources:
        mem_mb=16000,
        runtime=720,
    params:
        digest=digest("completion"),
    message:
        "completion: {wildcards.method}/{wildcards.variant} seed {wildcards.seed}"
    shell:
        "{STAGE:q} completion --scale {SCALE:q} --method {wildcards.method:q} --variant {wildcards.variant:q} --seed {wildcards.seed} 2>&1 | tee {log:q}"


rule completion:
    input:
        parts("completion"),
    message:
        "completion: all methods"
