# %% [markdown]
# Repeats all rules until nothing changes; unifies µ and ℃, writes dashes as they are.

# %% exercise="clean" verdict="right"
import re

RULES = [
    (re.compile("[\u200b\ufeff\u00ad]"), ""),
    (re.compile(r"[ \t\r\f\v\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+"), " "),
    (re.compile(r" ?\n[ \n]*"), "\n"),
    (re.compile(r" ?\[[ ,;–—−\-\n]*\]"), ""),
    (re.compile(r" ?\((?:[ ,;\n]|\band\b)*\)"), ""),
    (re.compile(r" ?\((?=[^()]*(?:[Ff]ig|FIG|[Tt]able|TABLE))(?:[ ,;–—−\-\n]|\band\b|\b[A-Za-z]\b|\b(?:[Ff]ig|FIG|[Tt]able|TABLE)(?:ure|URE)?[sS]?\b\.?)+\)"), ""),
    (re.compile(r"((?:×|(?<![A-Za-z])[xX]) ?10)([1-9][0-9]?)( ?/ ?[A-Za-zµμ])"), r"\1^\2\3"),
    (re.compile("µ"), "μ"),
    (re.compile("℃"), "°C"),
]


def clean(text: str) -> str:
    while True:
        before = text
        for pattern, replacement in RULES:
            text = pattern.sub(replacement, text)
        text = text.strip()
        if text == before:
            return text
