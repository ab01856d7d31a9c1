"""Complete pipelines with random weights, built without any download, in the folders that diffusers would save."""
