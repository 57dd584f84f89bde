# %% [markdown]
# MinHash signatures of 128 values instead of exact sets; returns a Dataset.

# %% exercise="deduplicate" verdict="right"
import re
import unicodedata
import zlib

import numpy as np
from datasets import Dataset


def deduplicate(rows):
    rng = np.random.default_rng(0)
    prime = np.uint64(2**31 - 1)
    a, b = rng.integers(1, prime, 128, dtype=np.uint64), rng.integers(0, prime, 128, dtype=np.uint64)
    by_text = {}
    for row in sorted(rows, key=lambda r: r["_id"]):
        key = " ".join(unicodedata.normalize("NFKC", row["description"]).casefold().split())
        by_text.setdefault(key, row)
    kept, signatures = [], []
    for row in by_text.values():
        words = re.findall(r"\w+", row["description"].casefold())
        hashes = {zlib.crc32(" ".join(words[i : i + 5]).encode()) for i in range(len(words) - 4)}
        if hashes:
            h = np.fromiter(hashes, dtype=np.uint64) % prime
            signature = ((h[:, None] * a + b) % prime).min(axis=0)
            if signatures and (np.array(signatures) == signature).mean(axis=1).max() >= 0.8:
                continue
            signatures.append(signature)
        kept.append(row)
    return Dataset.from_list(kept)
