"""One folder an outside system: translate and call, nothing else."""
