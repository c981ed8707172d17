"""The door for people without a Moodle account: codes, answers, and how an access stands. Pure functions."""

LONGEST_NAME = 200
"""Characters of a family name, and of a given name with the patronymic."""


def digits(text: str) -> str:
    """The digits of a text, in ASCII: of a phone number or a code however it is written."""
    return "".join(str(int(sign)) for sign in text if sign.isdecimal())
