"""The deadline-interval program of a whole run, decomposed in two ways: to learn what a tighter bound could gain.

*By job*: a column is one schedule of whole steps of one job (:mod:`planner.decomposition.schedule`), and a master program
picks at most one per job within the rows that jobs share (:mod:`planner.decomposition.master`). *By moment*: what runs at
one moment is a set of jobs on disjoint groups, and every row that holds for all such sets can be found
(:mod:`planner.decomposition.moments`).
"""
