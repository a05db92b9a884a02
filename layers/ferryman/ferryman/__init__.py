"""Ferryman: a transaction relayer that runs in its user's own AWS account."""
