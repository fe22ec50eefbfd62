"""Merchandising: typed rules of what is shown to whom, and the book in which they are drafted and published."""

from domain.merchandising.actions import Action, Boost, Bury, Cap, Each, Filter, Pin
from domain.merchandising.conditions import Age, Condition, Day, Hours, Margin, Price, Segment, Stock, TimeWindow
from domain.merchandising.problems import Problem, RulesError
from domain.merchandising.rulebook import RuleBook, RuleBookError, rulebook_id
from domain.merchandising.rules import MOST_RULES, Rule, RuleSet, canonical, digest_of, read, read_json

__all__ = ["MOST_RULES", "Action", "Age", "Boost", "Bury", "Cap", "Condition", "Day", "Each", "Filter", "Hours"]
__all__ += ["Margin", "Pin", "Price", "Problem", "Rule", "RuleBook", "RuleBookError", "RuleSet", "RulesError"]
__all__ += ["Segment", "Stock", "TimeWindow", "canonical", "digest_of", "read", "read_json", "rulebook_id"]
