# %% [markdown]
# Every pair of notes, connected groups by union-find, the smallest id of each group.

# %% exercise="deduplicate" verdict="right"
import re
import unicodedata


def deduplicate(rows):
    rows = list(rows)
    parent = list(range(len(rows)))

    def root(i):
        while parent[i] != i:
            i = parent[i]
        return i

    exact = [re.sub(r"\s+", " ", unicodedata.normalize("NFKC", r["description"]).casefold()).strip() for r in rows]
    sets = []
    for row in rows:
        words = re.findall(r"\w+", row["description"].casefold())
        sets.append(frozenset(zip(words, words[1:], words[2:], words[3:], words[4:])))
    for i, a in enumerate(sets):
        for j in range(i):
            b = sets[j]
            if exact[i] != exact[j]:
                if not a or not b or min(len(a), len(b)) < 0.8 * max(len(a), len(b)):
                    continue
                shared = len(a & b)
                if shared / (len(a) + len(b) - shared) < 0.8:
                    continue
            parent[root(i)] = root(j)
    best = {}
    for i, row in enumerate(rows):
        if root(i) not in best or row["_id"] < best[root(i)]["_id"]:
            best[root(i)] = row
    return list(best.values())
