# Phase `report`: tables and the page.
rule report:
    input:
        final("sources"),
        final("tracks"),
        final("masks"),
        final("select"),
        final("synthesis"),
        final("captions"),
        final("backbones"),
        final("metrics"),
        parts("completion"),
        runs("frame"),
        runs("motion"),
        lists("sources"),
        lists("tracks"),
        reads("report"),
        GRAPH.votes,
    output:
        final("report"),
    log:
        log_of("report"),
    benchmark:
        benchmark_of("report")
    threads: 1
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        digest=digest("report"),
    message:
        "report"
    shell:
        "{STAGE:q} report --scale {SCALE:q} 2>&1 | tee {log:q}"
