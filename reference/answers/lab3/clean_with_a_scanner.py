# %% [markdown]
# Judges brackets by a function of their content, the innermost first.

# %% exercise="clean" verdict="right"
SPACES = {c: " " for c in range(0x110000) if unicodedata.category(chr(c)) == "Zs" or chr(c) == "\t"}
GONE = dict.fromkeys(map(ord, "\u200b\ufeff\u00ad"))
WORDS = {"fig", "figs", "figure", "figures", "table", "tables"}


def _empty(kind, inside):
    dashes = "-‐‑‒–—―−"
    if kind == "[":
        return all(c in ",; " + dashes for c in inside)
    tokens = re.findall(r"[^\W\d_]+\.?|\S", inside)
    words = [t.rstrip(".").lower() for t in tokens]
    if any(w in WORDS for w in words):
        return all(w in WORDS or w == "and" or w == "" or (len(w) == 1 and (w.isalpha() or w in ",;" + dashes)) for w in words)
    return all(w == "and" or t in ",;" for w, t in zip(words, tokens))


def _brackets(text):
    while True:
        for m in re.finditer(r"\[[^\[\]()]*\]|\([^\[\]()]*\)", text):
            kind = m.group()[0]
            if _empty(kind, m.group()[1:-1]):
                text = text[: m.start()].rstrip(" ") + text[m.end() :]
                break
        else:
            return text


def clean(text):
    text = text.translate(SPACES).translate(GONE).replace("\r\n", "\n").replace("\r", "\n")
    lines = [" ".join(line.split(" ")) for line in text.split("\n")]
    text = "\n".join(_brackets(re.sub(" +", " ", line)) for line in lines)
    text = "\n".join(s for s in (re.sub(" +", " ", l).strip() for l in text.split("\n")) if s)
    return re.sub(r"((?:×|(?<![^\W\d_])[xX]) ?10)([1-9]\d?)( ?/ ?[^\W\d_])", r"\1^\2\3", text)
