"""The search box: numbers are ids, and everything else is text."""

import re

from django.db.models import Q
from django.utils.text import get_text_list, smart_split, unescape_string_literal

from ..validation import MAX_INTEGER

NUMBER = re.compile("[0-9]+")


def search(records, text, ids, texts):
    """Return those of the records (a queryset) in which each word of the text is found.

    If all words are numbers, each is one of the fields `ids`, exactly; else each is part of one of
    the fields `texts`. A word in quotes may have spaces, and is not a number.
    """
    words = list(smart_split(text))
    if all(map(NUMBER.fullmatch, words)):
        # What is longer is too large, and may be longer than Python reads.
        if any(len(word) > 10 or int(word) > MAX_INTEGER for word in words):
            return records.none()
        lookups, values = ids, map(int, words)
    else:
        lookups, values = [f"{name}__icontains" for name in texts], map(unquoted, words)
        if not texts:
            return records.none()
    for value in values:
        either = [(lookup, value) for lookup in lookups]
        records = records.filter(Q(*either, _connector=Q.OR))
    return records


def unquoted(word):
    is_quoted = word[0] in "\"'" and word[0] == word[-1]
    return unescape_string_literal(word) if is_quoted else word


def help_text(ids, texts):
    """Say what is searched, given the names of the fields."""
    parts = [f"A number finds exactly this {get_text_list(ids, 'or')}."]
    if texts:
        where = f"in any part of {get_text_list(texts, 'or')}"
        parts.append(f"Other text, or a number in quotes, is found {where}.")
    return " ".join(parts)
