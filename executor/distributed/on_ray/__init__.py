"""Workers as Ray actors, on one machine or several. Needs the extra ``cluster``."""
