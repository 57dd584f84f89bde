# %% [markdown]
# "Repairs" 104/min without a multiplication sign: a pulse becomes 10^4.

# %% exercise="clean" verdict="wrong" caught_by=["test_clean_harms_nothing"]
import re


def clean(text):
    text = re.sub("[\u200b\ufeff\u00ad]", "", text)
    text = re.sub(r"[^\S\n]+", " ", text)
    for _ in range(5):
        text = re.sub(r" ?\[[\s,;–-]*\]| ?\((?:[\s,;]|and)*\)", "", text)
        text = re.sub(r" ?\((?=[^()]*(?:[Ff]ig|[Tt]able))(?:[\s,;–-]|and|\b[A-Za-z]\b|(?:[Ff]ig|[Tt]able)(?:ure)?s?\.?)+\)", "", text)
    text = re.sub(r"10([1-9]\d?)(?= ?/ ?\w)", r"10^\1", text)
    text = re.sub(" +", " ", text)
    return "\n".join(line.strip() for line in text.split("\n") if line.strip())
