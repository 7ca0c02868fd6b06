"""Measurements of the project itself; `make bench-<name>` runs one."""
