"""The compliance page: cases, requests and proofs, for officers who each have a login of their own."""
