"""Consents to the processing of personal data: texts, who has agreed, and whose consent counts on a day."""
