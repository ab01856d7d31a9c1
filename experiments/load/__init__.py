"""Load for any OpenAI-compatible image server, with deadlines judged where they matter: at the client."""
