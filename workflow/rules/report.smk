# Phase `report`: tables and the page.
rule report:
    input:
        final("tracks")[:1],
        final("masks")[:1],
        final("select")[:1],
        final("synthesis")[:1],
        final("captions")[:1],
        final("metrics")[:1],
        parts("completion"),
        GRAPH.runs("frame"),
        GRAPH.runs("motion"),
        "reference/paper.yaml",
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
        "{STAGE:q} report --scale {SCALE} 2>&1 | tee {log:q}"
