"""Decision receipts: kept on this machine at once, in PostgreSQL soon, each under its person's key."""
