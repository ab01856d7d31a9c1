"""One module per figure or table, named after it; each has a constant ``FIGURE``."""
