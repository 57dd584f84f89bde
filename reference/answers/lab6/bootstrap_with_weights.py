# %% [markdown]
# How often each document is drawn is multinomial: a matrix product in torch.

# %% exercise="paired_bootstrap" verdict="right"
def paired_bootstrap(base, tuned, tokens, draws=2000, seed=0):
    generator = torch.Generator().manual_seed(seed)
    n = len(tokens)
    drawn = torch.randint(n, (draws, n), generator=generator)
    times = torch.zeros(draws, n, dtype=torch.float64).scatter_add_(1, drawn, torch.ones(draws, n, dtype=torch.float64))
    columns = torch.tensor([list(base), list(tuned), list(tokens)], dtype=torch.float64).T
    b, t, k = (times @ columns).unbind(1)
    return torch.quantile(torch.exp(t / k) / torch.exp(b / k), torch.tensor([0.025, 0.975], dtype=torch.float64))

# %% exercise="metrics" verdict="right"
sums = {}
for doc in docs + general_docs:
    scores = {"tuned": strided_ppl(model, [doc["ids"]], **WINDOWS)}
    with model.disable_adapter():
        scores["base"] = strided_ppl(model, [doc["ids"]], **WINDOWS)
    doc["n"] = int(scores["base"]["tokens"][0])
    doc["nats"] = {name: float(score["nats"][0]) for name, score in scores.items()}


def slice_of(members):
    four = {}
    for name in ("base", "tuned"):
        nats, n = sum(d["nats"][name] for d in members), sum(d["n"] for d in members)
        bytes_ = len("".join(d["text"] for d in members).encode())
        four[name] = dict(token_ppl=float(np.exp(nats / n)), bpb=float(nats / np.log(2) / bytes_), n_tokens=n, n_bytes=bytes_)
    return dict(four, n_docs=len(members), ratio=four["tuned"]["token_ppl"] / four["base"]["token_ppl"])


document = slice_of(docs)
for key in ("source", "length"):
    document[f"per_{key}"] = {value: slice_of([d for d in docs if d[key] == value]) for value in {d[key] for d in docs}}
document["general_text"] = slice_of(general_docs)
low, high = paired_bootstrap([d["nats"]["base"] for d in docs], [d["nats"]["tuned"] for d in docs], [d["n"] for d in docs])
document["bootstrap_ci"] = (float(low), float(high))
document["memorisation"] = memorisation
document["per_document"] = [{"_id": d["_id"], "n_tokens": d["n"], "base_nats": d["nats"]["base"], "tuned_nats": d["nats"]["tuned"]} for d in docs]
ranked = sorted(docs, key=lambda d: (d["nats"]["tuned"] - d["nats"]["base"]) / d["n"])
document["worst"] = [ranked[-1]["_id"], ranked[-2]["_id"]]
document |= {"eval_config": eval_config, "eval_config_sha": eval_config_sha}
Path("out/lab6/metrics.json").write_text(json.dumps(document))
