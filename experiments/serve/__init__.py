"""The front door: real clients, deadlines per request, a promise at admission, and every session replayable."""
