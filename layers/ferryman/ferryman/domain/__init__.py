"""What Ferryman knows: pure values and rules, no input or output."""
