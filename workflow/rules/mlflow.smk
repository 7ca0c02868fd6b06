# The finished trainings, imported into MLflow. Nothing depends on it, and its failure fails nothing.
rule mlflow:
    input:
        ancient(final("report")),
        final("backbones"),
        final("metrics"),
        runs("frame"),
        runs("motion"),
    output:
        GRAPH.mlflow_outcome(),
    log:
        log_of("mlflow"),
    benchmark:
        benchmark_of("mlflow")
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        format=mlflow_outcome.FORMAT,
    message:
        "mlflow"
    shell:
        "{TGVAC:q} mlflow --scale {SCALE:q} --optional 2>&1 | tee {log:q}"
