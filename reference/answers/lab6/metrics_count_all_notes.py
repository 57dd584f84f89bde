# %% [markdown]
# Every slice claims to rest on all notes.

# %% exercise="metrics" verdict="wrong" caught_by=["test_tables_add_up"]
def score(documents: list[dict]) -> list[dict]:
    """The documents with their scored tokens and the nats of both models."""
    ids = [doc["ids"] for doc in documents]
    tuned = strided_ppl(model, ids, **WINDOWS)
    with model.disable_adapter():
        base = strided_ppl(model, ids, **WINDOWS)
    return [
        {**doc, "tokens": n, "base": b, "tuned": t}
        for doc, n, b, t in zip(documents, tuned["tokens"], base["nats"], tuned["nats"], strict=True)
    ]


def summary(rows: list[dict]) -> dict:
    """Sums over the rows, divided once."""
    n_tokens, texts = sum(row["tokens"] for row in rows), [row["text"] for row in rows]
    result = {"n_docs": len(docs)}
    for name in ("base", "tuned"):
        nats = sum(row[name] for row in rows)
        result[name] = {
            "token_ppl": math.exp(nats / n_tokens),
            "bpb": bits_per_byte(nats, texts),
            "n_tokens": n_tokens,
            "n_bytes": sum(len(text.encode("utf-8")) for text in texts),
        }
    return result | {"ratio": result["tuned"]["token_ppl"] / result["base"]["token_ppl"]}


def by(key: str, rows: list[dict]) -> dict:
    return {value: summary([row for row in rows if row[key] == value]) for value in sorted({row[key] for row in rows})}


scored = score(docs)
columns = [[row[key] for row in scored] for key in ("base", "tuned", "tokens")]
worst = sorted(scored, key=lambda row: (row["base"] - row["tuned"]) / row["tokens"])[:2]
metrics = summary(scored) | {
    "per_source": by("source", scored),
    "per_length": by("length", scored),
    "general_text": summary(score(general_docs)),
    "bootstrap_ci": list(paired_bootstrap(*columns)),
    "memorisation": memorisation,
    "per_document": [
        {"_id": row["_id"], "n_tokens": row["tokens"], "base_nats": row["base"], "tuned_nats": row["tuned"]} for row in scored
    ],
    "worst": [row["_id"] for row in worst],
    "eval_config": eval_config,
    "eval_config_sha": eval_config_sha,
}
(OUT / "metrics.json").write_text(json.dumps(metrics, indent=1, ensure_ascii=False), encoding="utf-8")
