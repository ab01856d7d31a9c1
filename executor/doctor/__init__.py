"""What this machine has for runs on real workers, and what would be refused, with remedies. No torch until it runs."""
