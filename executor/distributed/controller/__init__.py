"""The side of a run that plans: it starts workers, tells them what to do, and makes good what they leave undone."""
