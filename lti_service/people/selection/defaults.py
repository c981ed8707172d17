"""The criteria with which every college begins: ours, and they say so.

The programme asks for «критерии отбора наставников под запросы наставляемых» (road map 1.4) and names none.
"""

from dataclasses import dataclass

SOURCE = "По умолчанию: предложено службой, в документах программы нет"


@dataclass(frozen=True, slots=True)
class Suggested:
    """A criterion as we suggest it."""

    title: str
    hint: str
    weight: int
    source: str = SOURCE


CRITERIA = (
    Suggested(
        "Успешный опыт, которым наставник готов поделиться",
        "Достижения в профессии и в жизни, стаж, результаты учеников, рекомендации",
        3,
    ),
    Suggested(
        "Соответствие запросам наставляемых",
        "Сильные стороны совпадают с темами, с которыми приходят наставляемые",
        3,
    ),
    Suggested("Умение общаться", "Доброжелательность, такт, умение слушать и объяснять", 2),
    Suggested("Время для встреч", "Готов встречаться регулярно весь учебный год", 2),
    Suggested("Собственное желание", "Сам хочет быть наставником, понимает, зачем это ему", 1),
)
