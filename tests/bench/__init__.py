"""Benchmarks: run one with `python -m tests.bench.NAME`; pytest does not collect them."""
