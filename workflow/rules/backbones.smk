# Phase `backbones`: the frozen networks, trained here or fetched.
rule backbones:
    input:
        final("sources"),
        final("tracks"),
        final("masks"),
        final("synthesis"),
        final("captions"),
        GRAPH.shipped(),
    output:
        final("backbones"),
    log:
        log_of("backbones"),
    benchmark:
        benchmark_of("backbones")
    threads: GRAPH.threads
    resources:
        mem_mb=16000,
        runtime=720,
    params:
        digest=digest("backbones"),
    message:
        "backbones"
    shell:
        "{STAGE:q} backbones --scale {SCALE:q} 2>&1 | tee {log:q}"
