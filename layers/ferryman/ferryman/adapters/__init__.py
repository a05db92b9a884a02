"""The world outside, one module or folder per technology, each behind a port."""
