"""The benchmark: `python -m local.bench` measures, prints, and rewrites the tables of docs/benchmarks.md."""
