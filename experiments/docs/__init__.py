"""The documents, filled in from the tables they quote."""
