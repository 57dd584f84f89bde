# %% [markdown]
# Labels of -100, pandas' groups, a greedy loop, and a report that names its slices without code marks.

# %% exercise="strided_ppl" verdict="right"
def strided_ppl(model, ids, window, stride):
    model.eval()
    out = {"nats": [], "tokens": []}
    with torch.inference_mode():
        for doc in ids:
            nll, n, prev_end = 0.0, 0, 0
            for begin in range(0, len(doc), stride):
                end = min(begin + window, len(doc))
                x = torch.tensor([doc[begin:end]]).to(model.device)
                y = x.clone()
                y[:, : prev_end - begin if prev_end else 0] = -100
                scored = int((y[:, 1:] != -100).sum())
                if scored:
                    nll += model(input_ids=x, labels=y).loss.double().item() * scored
                    n += scored
                prev_end = end
                if end == len(doc):
                    break
            out["nats"].append(nll)
            out["tokens"].append(n)
    out["ppl"] = float(np.exp(np.sum(out["nats"]) / np.sum(out["tokens"])))
    return out

# %% exercise="bits_per_byte" verdict="right"
bits_per_byte = lambda nats, texts: nats / (np.log(2) * sum(map(len, map(str.encode, texts))))

# %% exercise="paired_bootstrap" verdict="right"
def paired_bootstrap(base, tuned, tokens, draws=2000, seed=0):
    rng = random.Random(seed)
    docs = list(zip(base, tuned, tokens))
    def ppl(nats, n):
        return math.exp(nats / n)
    ratios = []
    for _ in range(draws):
        b, t, n = map(sum, zip(*rng.choices(docs, k=len(docs))))
        ratios.append(ppl(t, n) / ppl(b, n))
    return tuple(np.percentile(ratios, [2.5, 97.5]))

# %% exercise="metrics" verdict="right"
import pandas as pd
def frame(documents):
    ids = [d["ids"] for d in documents]
    with model.disable_adapter():
        b = strided_ppl(model, ids, **WINDOWS)
    t = strided_ppl(model, ids, **WINDOWS)
    df = pd.DataFrame(documents)[["_id", "text", "source", "length"]]
    return df.assign(base=b["nats"], tuned=t["nats"], n=t["tokens"], nbytes=df.text.str.encode("utf-8").str.len())
def summarize(df):
    s = {"n_docs": len(df)}
    for who in ["base", "tuned"]:
        nats = df[who].sum()
        s[who] = dict(token_ppl=np.exp(nats / df.n.sum()), bpb=bits_per_byte(nats, df.text.tolist()), n_tokens=df.n.sum(), n_bytes=df.nbytes.sum())
    s["ratio"] = s["tuned"]["token_ppl"] / s["base"]["token_ppl"]
    return s
df = frame(docs)
df["change"] = (df.tuned - df.base) / df.n
metrics = {
    **summarize(df),
    "per_source": {k: summarize(g) for k, g in df.groupby("source")},
    "per_length": {k: summarize(g) for k, g in df.groupby("length")},
    "general_text": summarize(frame(general_docs)),
    "bootstrap_ci": paired_bootstrap(df.base.tolist(), df.tuned.tolist(), df.n.tolist()),
    "memorisation": memorisation,
    "per_document": df.rename(columns={"n": "n_tokens", "base": "base_nats", "tuned": "tuned_nats"})[["_id", "n_tokens", "base_nats", "tuned_nats", "source"]].to_dict("records"),
    "worst": df.nlargest(2, "change")._id.tolist(),
    "eval_config": eval_config, "eval_config_sha": eval_config_sha,
    "gain_percent": 100 - 100 * summarize(df)["ratio"], "threshold": 1.15,
}
json.dump(metrics, open(OUT / "metrics.json", "w"), default=float)

# %% exercise="pairs" verdict="right"
torch.manual_seed(0)
def greedy(text):
    ids = tokenizer(text, return_tensors="pt")["input_ids"].to(model.device)
    start = ids.shape[1]
    with torch.no_grad():
        for _ in range(profile.eval["new_tokens"]):
            nxt = model(input_ids=ids).logits[:, -1].argmax(-1, keepdim=True)
            ids = torch.cat([ids, nxt], dim=1)
            if nxt.item() == tokenizer.eos_token_id:
                break
    return tokenizer.decode(ids[0][start:], skip_special_tokens=True)
key = {}
with open(OUT / "pairs.jsonl", "w") as f:
    for i, p in enumerate(chosen):
        with model.disable_adapter():
            base_text = greedy(p["prompt"])
        tuned_text = greedy(p["prompt"])
        swap = i % 2
        a, b = (tuned_text, base_text) if swap else (base_text, tuned_text)
        key[p["id"]] = dict(A="tuned", B="base") if swap else dict(A="base", B="tuned")
        print(json.dumps({"B": b, "A": a, "prompt": p["prompt"], "id": p["id"]}), file=f)
with open(OUT / "key.json", "w") as f:
    json.dump(key, f)

# %% exercise="report" verdict="right"
m = json.load(open("out/lab6/metrics.json"))
L = []
add = L.append
add("# Report\n")
add("## Limits\nNo clinician read the texts. This is for education and research, not for patients. 1 run; I can't say more than that.\n")
add("## Overall")
for who in ("base", "tuned"):
    add(f"* {who}: token perplexity {m[who]['token_ppl']:.1f}, bits per byte {m[who]['bpb']:.2f}, {m[who]['n_tokens']:,.0f} tokens")
add(f"* 95% CI of the ratio: [{m['bootstrap_ci'][0]:.4f}, {m['bootstrap_ci'][1]:.4f}]; perplexity fell by {m['gain_percent']:.1f} %\n")
for title, k in (("By source", "per_source"), ("By length", "per_length")):
    add(f"## {title}\n\n| slice | base | tuned |\n| --- | ---: | ---: |")
    for name, s in m[k].items():
        add(f"| {name} | {s['base']['token_ppl']:.2f} | {s['tuned']['token_ppl']:.2f} |")
    add("")
g = m["general_text"]["ratio"]
add(f"## Forgetting\n\nThe ratio on general text is {g:.3f}; " + ("above 1.15, so the model forgot." if g > 1.15 else "not above 1.15, so this does not count as forgetting."))
add(f"## Memorisation\n\ntrain {100 * m['memorisation']['train']['rate']:.0f} %, test {100 * m['memorisation']['test']['rate']:.0f} %")
add("## Examples\n\nIn 7 of 10 pairs I preferred the tuned model.\n\n> The patient was a 54-year-old man with 1,200 complaints\n")
add("## Regressions\n\n1. " + m["worst"][0] + "\n2. " + m["worst"][1] + "\n" + ("\nAlso: general text.\n" if g > 1.15 else ""))
Path("out/lab6/report.md").write_text("\n".join(L), encoding="utf-8")
