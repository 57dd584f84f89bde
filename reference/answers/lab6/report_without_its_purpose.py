# %% [markdown]
# The limits of the numbers, but not who must not rely on them.

# %% exercise="report" verdict="wrong" caught_by=["test_report_has_its_sections"]
m = json.loads((OUT / "metrics.json").read_text(encoding="utf-8"))


def table(slices: dict) -> str:
    lines = ["| | notes | base | tuned | ratio |", "|---|---|---|---|---|"]
    for name, s in slices.items():
        cells = (name, s["n_docs"], f"{s['base']['token_ppl']:.2f}", f"{s['tuned']['token_ppl']:.2f}", f"{s['ratio']:.3f}")
        lines.append(f"| `{cells[0]}` | " + " | ".join(map(str, cells[1:])) + " |")
    return "\n".join(lines)


base, tuned, (low, high), general = m["base"], m["tuned"], m["bootstrap_ci"], m["general_text"]
verdict = "better than" if high < 1 else "worse than" if low > 1 else "not shown to differ from"
forgot = general["ratio"] > 1.15
report = f"""# Evaluation of the adapter for `{m["eval_config"]["base_model"]}`

Settings `{m["eval_config_sha"][:12]}`: window {m["eval_config"]["window"]}, stride {m["eval_config"]["stride"]}, for both models.

## Overall

On {m["n_docs"]} held-out notes the tuned model is {verdict} the base.

| | token perplexity | bits per byte |
|---|---|---|
| base | {base["token_ppl"]:.2f} | {base["bpb"]:.3f} |
| tuned | {tuned["token_ppl"]:.2f} | {tuned["bpb"]:.3f} |

Tuned ÷ base is {m["ratio"]:.3f}; its 95 % interval over notes goes from {low:.3f} to {high:.3f}.

## By source

{table(m["per_source"])}

## By length

{table(m["per_length"])}

## Forgetting

On general text the perplexity went from {general["base"]["token_ppl"]:.2f} to {general["tuned"]["token_ppl"]:.2f}, a ratio of
{general["ratio"]:.3f}. {"The adapter has cost general English." if forgot else "That is within what this course allows."}

## Memorisation

Recited word for word: {m["memorisation"]["train"]["rate"]:.1%} of the training notes, {m["memorisation"]["test"]["rate"]:.1%} of the test notes.

## Examples

Ten prompts drawn by lot, judged blind. Both models write fluent fragments and soon repeat themselves; both invent findings.

## Regressions

The notes that gained least, or lost most: `{m["worst"][0]}` and `{m["worst"][1]}`.{" Perplexity on general text rose." if forgot else ""}

## Limits

Few notes, one seed, one adapter. Perplexity says how well the form of notes is predicted, not whether anything is true.
"""
(OUT / "report.md").write_text(report, encoding="utf-8")
