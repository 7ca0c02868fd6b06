# Phase `motion`: temporal modules on the frozen frame model.
rule train_motion:
    input:
        final("synthesis"),
        final("captions"),
        final("backbones"),
        final("latents"),
        f"results/{SCALE}/frame/{{variant}}/seed{{seed}}/index.json",
    output:
        final("motion"),
    log:
        log_of("motion", "{variant}-seed{seed}"),
    benchmark:
        benchmark_of("motion", "{variant}-seed{seed}")
    priority: lambda wildcards: 4 if wildcards.variant == "full" else 3
    threads: GRAPH.threads
    resources:
        mem_mb=64000,
        runtime=2880,
        # How the training is divided, such as `--processes 4 --micro-batch 4 --checkpointing`; set by a profile.
        portions="",
    params:
        digest=digest("motion"),
    message:
        "motion: train {wildcards.variant}, seed {wildcards.seed}"
    shell:
        "{STAGE:q} motion --scale {SCALE:q} --variant {wildcards.variant:q} --seed {wildcards.seed} {resources.portions} 2>&1 | tee {log:q}"


rule motion:
    input:
        runs("motion"),
    message:
        "motion: all that the evaluation uses"
