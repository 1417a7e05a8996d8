"""Initials: what stands for somebody, or for an organisation, where a picture would."""

import unicodedata


def initials(name: str) -> str:
    """Two letters: of the first and the last word, or the first two of the only one."""
    words = [letters for word in name.partition("@")[0].replace(".", " ").split() if (letters := _letters(word))]
    if not words:
        return "?"
    return (words[0][0] + words[-1][0] if len(words) > 1 else words[0][:2]).upper()


def _letters(word: str) -> str:
    return "".join(character for character in word if unicodedata.category(character)[0] in "LN")
