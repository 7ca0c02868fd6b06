# Phase `frame`: the frame-level model.
rule train_frame:
    input:
        final("synthesis"),
        final("captions"),
        final("backbones"),
        final("latents"),
        # A variant may start from another one, of the same seed.
        GRAPH.frame_start,
    output:
        final("frame"),
    log:
        log_of("frame", "{variant}-seed{seed}"),
    benchmark:
        benchmark_of("frame", "{variant}-seed{seed}")
    # Most jobs wait for the variant `full`, so it runs first.
    priority: lambda wildcards: 6 if wildcards.variant == "full" else 5
    threads: GRAPH.threads
    resources:
        mem_mb=64000,
        runtime=2880,
        # How the training is divided, such as `--processes 4 --micro-batch 4 --checkpointing`; set by a profile.
        portions="",
    params:
        digest=digest("frame"),
    message:
        "frame: train {wildcards.variant}, seed {wildcards.seed}"
    shell:
        "{STAGE:q} frame --scale {SCALE:q} --variant {wildcards.variant:q} --seed {wildcards.seed} {resources.portions} 2>&1 | tee {log:q}"


rule frame:
    input:
        runs("frame"),
    message:
        "frame: all that the evaluation uses"
