# %% [markdown]
# Copies the base for every run and puts PEFT's adapter on the copy; collects the rows first, and writes them in another order.

# %% exercise="runs" verdict="right"
import copy


def run_one(config):
    model = copy.deepcopy(base)
    seed_everything(config["seed"])
    lora = LoraConfig(r=config["r"], lora_alpha=config["lora_alpha"], target_modules=profile.lora["target_modules"])
    model = get_peft_model(model, lora)
    data = batches(config)
    begin = time.monotonic()
    losses = train(model, data, config["learning_rate"])
    seconds = time.monotonic() - begin
    score = validate(model)
    bad = any(loss is None for loss in losses) or score["val_ppl"] is None or score["val_ppl"] > base_score["val_ppl"]
    return {
        **score,
        "run_id": config["run_id"],
        "config": config,
        "tokens": int(data.numel()),
        "trainable": model.num_parameters(only_trainable=True),
        "losses": losses,
        "tok_per_s": data.numel() / seconds,
        "peak_mem": peak_memory(),
        "status": "diverged" if bad else "ok",
        "seconds": seconds,
    }


found = sorted((run_one(config) for config in planned), key=lambda row: row["val_ppl"] or math.inf)
(OUT / "runs.jsonl").write_text("\n".join(json.dumps(row) for row in found))
