# %% [markdown]
# Union-find over an index of shingles.

# %% exercise="deduplicate" verdict="right"
class UF:
    def __init__(self, n):
        self.p = list(range(n))

    def find(self, i):
        while self.p[i] != i:
            self.p[i] = self.p[self.p[i]]
            i = self.p[i]
        return i

    def join(self, a, b):
        self.p[self.find(a)] = self.find(b)


def deduplicate(rows):
    rows = list(rows)
    uf = UF(len(rows))
    exact = {}
    index = defaultdict(list)
    sh = []
    for i, r in enumerate(rows):
        key = " ".join(unicodedata.normalize("NFKC", r["description"]).casefold().split())
        if key in exact:
            uf.join(i, exact[key])
        exact.setdefault(key, i)
        w = re.findall(r"\w+", r["description"].casefold())
        s = {tuple(w[k : k + 5]) for k in range(len(w) - 4)}
        counts = Counter(j for g in s for j in index[g])
        for j, c in counts.items():
            if c / (len(s) + len(sh[j]) - c) >= 0.8:
                uf.join(i, j)
        for g in s:
            index[g].append(i)
        sh.append(s)
    best = {}
    for i, r in enumerate(rows):
        root = uf.find(i)
        if root not in best or r["_id"] < best[root]["_id"]:
            best[root] = r
    return list(best.values())
