"""Complete pipelines with random weights, built without any download, in the folders that diffusers would save."""

FAMILIES = ("flux", "sd3", "qwen", "wan")
"""Models that can be built."""

WIDTHS = ("tiny", "small", "full")
"""How wide: ``tiny`` and ``small`` are complete; ``full`` has the published configurations, and no weights."""
