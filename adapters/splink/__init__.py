"""Splink on DuckDB: links whole files with the same table of comparison levels that scores single pairs."""
