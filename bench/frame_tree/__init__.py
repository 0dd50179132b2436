"""What the hashes of messages cost the tap: `python -m bench.frame_tree`. The relay does nothing for them."""
