"""`tgvac status`: which phases are fresh, and whether Snakemake, DVC and MLflow agree."""
