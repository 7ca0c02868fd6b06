"""The only room that knows Snakemake."""
