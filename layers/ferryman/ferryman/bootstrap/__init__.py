"""One module per step: builds that step's adapters and service, and decides nothing."""
