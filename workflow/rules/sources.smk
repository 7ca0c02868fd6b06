# Phase `sources`: find, fetch or generate the archives, and list their videos.
rule sources:
    # The registry is no input: only its rows in use count, in the fingerprint.
    output:
        final("sources"),
        lists("sources"),
        GRAPH.here("sources"),
    log:
        log_of("sources"),
    benchmark:
        benchmark_of("sources")
    threads: 2
    resources:
        mem_mb=2000,
        runtime=720,
    params:
        digest=digest("sources"),
        at=lambda wildcards: GRAPH.at(),
        fingerprint=GRAPH.fingerprint(),
    message:
        "sources"
    shell:
        "{STAGE:q} sources --scale {SCALE:q} {params.at} 2>&1 | tee {log:q}"
