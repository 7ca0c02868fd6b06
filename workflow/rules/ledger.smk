# Each published cell beside ours, and what each method costs. No phase: nothing reads it, and costs differ from run to run.
rule ledger:
    input:
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
        reads("report"),
        GRAPH.votes,
    output:
        GRAPH.ledger(),
    log:
        log_of("ledger"),
    benchmark:
        benchmark_of("ledger")
    threads: 1
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        digest=GRAPH.ledger_digest(),
    message:
        "ledger"
    shell:
        "{TGVAC:q} ledger --scale {SCALE:q} 2>&1 | tee {log:q}"
