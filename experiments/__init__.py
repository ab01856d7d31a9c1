"""Ask a question: workloads, runs, comparisons, results."""
