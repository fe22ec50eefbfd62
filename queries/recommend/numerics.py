"""What arithmetic depends on: where it is the same, the same input gives the same bytes."""

import sys

import faiss
import numpy as np
from threadpoolctl import threadpool_info


def numerics() -> str:
    """In words: the libraries, their versions, and the kind of core that they have chosen their loops for."""
    blas = sorted({f"{p['internal_api']} {p['version']} {p.get('architecture', '')}".strip() for p in _pools()})
    return f"numpy {np.__version__}; faiss {faiss.__version__}; {', '.join(blas) or 'no BLAS'}; {sys.byteorder}"


def _pools() -> list[dict[str, object]]:
    """The BLAS that numpy and faiss bring along; others that happen to be loaded compute nothing here."""
    found = threadpool_info()
    return [p for p in found if p["user_api"] == "blas" and any(name in p["filepath"] for name in ("numpy", "faiss"))]


NUMERICS = numerics()
