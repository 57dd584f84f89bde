# %% [markdown]
# Line by line with str methods and a loop over bracket pairs; no single big pattern.

# %% exercise="clean" verdict="right"
import re

WORDS = {"fig", "figs", "figure", "figures", "table", "tables"}


def is_empty(inside: str, kind: str) -> bool:
    tokens = re.findall(r"[^\W\d_]+|\d+|[^\w\s]|_", inside)
    words = [t.lower() for t in tokens if t[0].isalnum()]
    marks = [t for t in tokens if not t[0].isalnum() and t != "."]
    if kind == "[":
        return not words and all(m in ",;-–—−" for m in marks)
    if WORDS & set(words):
        return all(m in ",;-–—−" for m in marks) and all(w in WORDS or w == "and" or (len(w) == 1 and w.isalpha()) for w in words)
    return all(m in ",;" for m in marks) and set(words) <= {"and"} and "." not in tokens


def clean(text: str) -> str:
    for c in "\u200b\ufeff\u00ad":
        text = text.replace(c, "")
    lines = []
    for line in text.replace("\r", "").split("\n"):
        line = " ".join(line.split())
        while True:
            for match in re.finditer(r"\[([^\[\]()]*)\]|\(([^\[\]()]*)\)", line):
                if is_empty(match[1] if match[0][0] == "[" else match[2], match[0][0]):
                    line = line[: match.start()].rstrip() + line[match.end() :]
                    break
            else:
                break
        line = " ".join(line.split())
        line = re.sub(
            r"(?P<sign>×|x|X)(?P<gap> ?)10(?P<exponent>[1-9]\d?)(?P<unit> ?/ ?[A-Za-zµμ])",
            lambda m: m[0] if m["sign"] != "×" and line[: m.start()][-1:].isalpha() else f"{m['sign']}{m['gap']}10^{m['exponent']}{m['unit']}",
            line,
        )
        if line:
            lines.append(line)
    return "\n".join(lines)
