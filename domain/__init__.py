"""The write model. Every module is imported here, so that each stored topic can be resolved."""

from domain import customer, erased, event, experiment, identity, money, product, values

__all__ = ["customer", "erased", "event", "experiment", "identity", "money", "product", "values"]
