"""`tgvac commit`, `push` and `pull`: results under DVC, in the sequences that leave Snakemake and DVC in agreement."""
