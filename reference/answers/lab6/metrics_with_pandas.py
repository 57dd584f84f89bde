# %% [markdown]
# Test and general notes scored in one go, sums by groupby; numbers with four decimals, a key more.

# %% exercise="metrics" verdict="right"
import pandas as pd

everything = docs + general_docs
ids = [doc["ids"] for doc in everything]
with model.disable_adapter():
    base = strided_ppl(model, ids, **WINDOWS)
tuned = strided_ppl(model, ids, **WINDOWS)
frame = pd.DataFrame([{key: doc[key] for key in ("_id", "source", "length", "text")} for doc in everything])
frame["n_tokens"] = list(map(int, base["tokens"]))
frame["base"], frame["tuned"] = list(map(float, base["nats"])), list(map(float, tuned["nats"]))
test, general = frame[: len(docs)], frame[len(docs) :]


def describe(part):
    n, texts = int(part["n_tokens"].sum()), list(part["text"])
    out = {"n_docs": len(part)}
    for name in ("base", "tuned"):
        nats = part[name].sum()
        out[name] = {
            "token_ppl": round(float(np.exp(nats / n)), 4),
            "bpb": round(bits_per_byte(nats, texts), 4),
            "n_tokens": n,
            "n_bytes": int(part["text"].str.encode("utf-8").str.len().sum()),
        }
    out["ratio"] = round(out["tuned"]["token_ppl"] / out["base"]["token_ppl"], 4)
    return out


change = ((test["tuned"] - test["base"]) / test["n_tokens"]).sort_values(ascending=False)
result = describe(test)
result["per_source"] = {str(name): describe(part) for name, part in test.groupby("source")}
result["per_length"] = {str(name): describe(part) for name, part in test.groupby("length")}
result["general_text"] = describe(general)
result["bootstrap_ci"] = [float(end) for end in paired_bootstrap(list(test["base"]), list(test["tuned"]), list(test["n_tokens"]), seed=7)]
result["memorisation"] = memorisation
rows = test.rename(columns={"base": "base_nats", "tuned": "tuned_nats"})[["_id", "n_tokens", "base_nats", "tuned_nats"]]
result["per_document"] = json.loads(rows.to_json(orient="records", double_precision=6))
result["worst"] = list(test.loc[change.index[:2], "_id"])
result["eval_config"], result["eval_config_sha"] = eval_config, eval_config_sha
result["model"] = "tuned"
with open("out/lab6/metrics.json", "w") as file:
    json.dump(result, file)
