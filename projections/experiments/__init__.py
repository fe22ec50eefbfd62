"""Statistics of experiments: pure functions over sufficient statistics, so that a result at any position of the log,
under any analysis, is made from a few numbers an arm."""
