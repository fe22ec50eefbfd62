"""Attribution over a log that was exported to Parquet, by DuckDB: what is folded one by one elsewhere, in sets. The
same rules, the same whole numbers, the same figures."""
