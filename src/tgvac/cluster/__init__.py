"""Runs on a SLURM cluster: what is checked before jobs are submitted, and one run a folder at a time."""
