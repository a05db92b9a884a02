"""The local stack, the demo and the benchmarks: development only, never in a layer."""
