"""What the black box takes of processor, memory and disk."""
