"""What things cost: seconds per denoising step by shape, degree, link and batch, as data with provenance."""
