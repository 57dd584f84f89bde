# %% [markdown]
# Takes away everything in brackets, content and all.

# %% exercise="clean" verdict="wrong" caught_by=["test_clean_harms_nothing"]
import re


def clean(text):
    text = re.sub("[\u200b\ufeff\u00ad]", "", text)
    text = re.sub(r"[^\S\n]+", " ", text)
    for _ in range(5):
        text = re.sub(r" ?\[[^\[\]]*\]| ?\([^()]*\)", "", text)
    text = re.sub(r"(×|(?<![A-Za-z])[xX])( ?)10([1-9]\d?)(?= ?/ ?\w)", r"\1\g<2>10^\3", text)
    text = re.sub(" +", " ", text)
    return "\n".join(line.strip() for line in text.split("\n") if line.strip())
