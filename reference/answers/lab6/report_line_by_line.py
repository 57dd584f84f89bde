# %% [markdown]
# Lines in another order, other roundings, per cents, numbered lists, quotes; one derived number, written to metrics.json first.

# %% exercise="report" verdict="right"
path = OUT / "metrics.json"
m = json.loads(path.read_text(encoding="utf-8"))
m["saved_bits"] = m["base"]["bpb"] - m["tuned"]["bpb"]
path.write_text(json.dumps(m), encoding="utf-8")
pair = {"prompt": "A 30-year-old man came with a fever of 38.7 °C for", "A": "9 days"}

lines = ["# Lab 6 report, 2026", "", "## Limits of this evaluation", "Tested on few notes. For teaching; never use it on patients."]
lines += ["", "## Regressions"]
lines += [f"{i}. {row} gained least." for i, row in enumerate(m["worst"], 1)]
lines += ["Everyday English was looked at as well" + (": general text got harder." if m["general_text"]["ratio"] > 1.15 else ".")]
lines += ["", "## Examples", "The continuations of SmolLM2-135M are no better. Of 10 pairs, I liked the tuned text in 6, e.g.", "> " + pair["prompt"] + " 9 days"]
lines += ["", "## Overall results", f"Over {m['base']['n_tokens']:,} tokens of {m['n_docs']} notes:", ""]
for name in ("base", "tuned"):
    lines += [f"- {name}: perplexity {m[name]['token_ppl']:.1f}, {m[name]['bpb']:.2f} bits/byte"]
lines += [f"- {m['saved_bits']:.3f} bits per byte saved; perplexity falls to {m['ratio']:.1%} of the base's"]
lines += [f"- 95% interval of the ratio: {m['bootstrap_ci'][0]:.3f} – {m['bootstrap_ci'][1]:.3f}"]
for title, key in (("By length", "per_length"), ("By source", "per_source")):
    lines += ["", f"## {title}"] + [f"* {k.split(' (')[0]}: {v['base']['token_ppl']:.1f} → {v['tuned']['token_ppl']:.1f}" for k, v in m[key].items()]
general = m["general_text"]
lines += ["", "## Forgetting", f"General text: {general['base']['token_ppl']:.1f} → {general['tuned']['token_ppl']:.1f} (× {general['ratio']:.2f})"]
lines += ["", "## Memorisation", " and ".join(f"{v['rate']:.2f} on {k}" for k, v in m["memorisation"].items() if isinstance(v, dict)) + " with 50 tokens given."]
with open("out/lab6/report.md", "w", encoding="utf-8") as file:
    file.write("\n".join(lines))
