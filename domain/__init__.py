"""The write model. Every module is imported here, so that each stored topic can be resolved."""

from domain import (
    arm,
    assignment,
    customer,
    design,
    erased,
    event,
    experiment,
    identity,
    merchandising,
    money,
    privacy,
    product,
    ties,
    values,
)

__all__ = [
    "arm",
    "assignment",
    "customer",
    "design",
    "erased",
    "event",
    "experiment",
    "identity",
    "merchandising",
    "money",
    "privacy",
    "product",
    "ties",
    "values",
]
