"""Indicators: definitions, formulas, facts, and the gradebook columns made of them."""
