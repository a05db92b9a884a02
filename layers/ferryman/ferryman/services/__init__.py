"""One service per step; they know the ports and the kinds, never AWS or a chain's wire format."""
