# Phase `select`: the stretches in which objects are whole.
rule select:
    input:
        final("tracks"),
        final("masks"),
    output:
        final("select"),
    log:
        log_of("select"),
    benchmark:
        benchmark_of("select")
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        digest=digest("select"),
    message:
        "select"
    shell:
        "{STAGE:q} select --scale {SCALE:q} 2>&1 | tee {log:q}"
