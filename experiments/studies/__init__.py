"""Studies: the same runs over cells, policies and seeds, and what is asked of them."""
