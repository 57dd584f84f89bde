# %% [markdown]
# Removes blanks before any punctuation mark: a dose of .5 mg sticks to the word before.

# %% exercise="clean" verdict="wrong" caught_by=["test_clean_harms_nothing"]
def clean(text):
    text = re.sub("[\u200b\ufeff\u00ad]", "", text)
    text = re.sub(r"[^\S\n]+", " ", text.replace("\r\n", "\n").replace("\r", "\n"))
    fig = r"(?:fig(?:ure)?s?|tables?)\.?"
    old = None
    while old != text:
        old = text
        text = re.sub(r" *\[[,; \-–—]*\]", "", text)
        text = re.sub(r" *\((?:[,; ]|\band\b)*\)", "", text, flags=re.I)
        text = re.sub(rf" *\((?:[,;\- –—]|\band\b|\b[a-z]\b)*{fig}(?:[,;\- –—]|\band\b|\b[a-z]\b|{fig})*\)", "", text, flags=re.I)
    text = re.sub(r"((?:×|(?<![a-zA-Z])[xX]) ?10)([1-9]\d?)( ?/ ?[a-zA-Zµ])", r"\1^\2\3", text)
    text = "\n".join(l.strip() for l in re.sub(" +", " ", text).split("\n") if l.strip())
    return re.sub(r"\s+([.,;])", r"\1", text)
