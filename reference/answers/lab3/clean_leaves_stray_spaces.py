# %% [markdown]
# Takes the brackets but not the space before them: "was seen ."

# %% exercise="clean" verdict="wrong" caught_by=["test_clean_removes_marks"]
import re


def clean(text):
    text = re.sub("[\u200b\ufeff\u00ad]", "", text)
    text = re.sub(r"[^\S\n]+", " ", text)
    for _ in range(5):
        text = re.sub(r"\[[\s,;–-]*\]|\((?:[\s,;]|and)*\)", "", text)
        text = re.sub(r"\((?=[^()]*(?:[Ff]ig|[Tt]able))(?:[\s,;–-]|and|\b[A-Za-z]\b|(?:[Ff]ig|[Tt]able)(?:ure)?s?\.?)+\)", "", text)
    text = re.sub(r"(×|(?<![A-Za-z])[xX])( ?)10([1-9]\d?)(?= ?/ ?\w)", r"\1\g<2>10^\3", text)
    text = re.sub(" +", " ", text)
    return "\n".join(line.strip() for line in text.split("\n") if line.strip())
