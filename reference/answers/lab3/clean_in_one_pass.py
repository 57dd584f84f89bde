# %% [markdown]
# Takes empty brackets away once: `([])` leaves `()`.

# %% exercise="clean" verdict="wrong" caught_by=["test_clean_twice_is_clean_once"]
import re


def clean(text):
    text = re.sub("[\u200b\ufeff\u00ad]", "", text)
    text = re.sub(r"[^\S\n]+", " ", text)
    text = re.sub(r" ?\((?:[\s,;]|and)*\)", "", text)
    text = re.sub(r" ?\((?=[^()]*(?:[Ff]ig|[Tt]able))(?:[\s,;–-]|and|\b[A-Za-z]\b|(?:[Ff]ig|[Tt]able)(?:ure)?s?\.?)+\)", "", text)
    text = re.sub(r" ?\[[\s,;–-]*\]", "", text)
    text = re.sub(r"(×|(?<![A-Za-z])[xX])( ?)10([1-9]\d?)(?= ?/ ?\w)", r"\1\g<2>10^\3", text)
    text = re.sub(" +", " ", text)
    return "\n".join(line.strip() for line in text.split("\n") if line.strip())
