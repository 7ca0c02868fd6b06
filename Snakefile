# The workflow stands in workflow/; this file lets `snakemake all` work from the clone's top.
include: "workflow/Snakefile"
