# The data set's own page, minutes after a run began. No phase: nothing reads it.
rule preview:
    input:
        final("tracks"),
        final("masks"),
        final("select"),
        final("synthesis"),
        final("captions"),
        lists("sources"),
        lists("tracks"),
        "reference/paper.yaml",
    output:
        f"results/{SCALE}/preview/index.html",
    log:
        log_of("preview"),
    benchmark:
        benchmark_of("preview")
    priority: 10
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        digest=GRAPH.decided_by("tgvac.report.preview", "report"),
    message:
        "preview"
    shell:
        "{TGVAC:q} preview --scale {SCALE:q} 2>&1 | tee {log:q}"
