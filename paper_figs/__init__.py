"""Show the answer: the figures and tables of the TetriServe paper (arXiv 2510.01565), and what it could not draw.

``python -m paper_figs`` makes all of them; ``python -m paper_figs --list`` names them.
"""
