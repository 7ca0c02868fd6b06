"""The only package that knows Snakemake, DVC and MLflow."""
