"""How well simulation tells what real workers do: the same requests in both, stage by stage."""
