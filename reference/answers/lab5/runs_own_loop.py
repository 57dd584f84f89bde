# %% [markdown]
# A training loop and a validation written out, with F.cross_entropy; the same recipe.

# %% exercise="runs" verdict="right"
import torch.nn.functional as F


def run_one(config):
    torch.manual_seed(config["seed"])
    inputs = batches(config)
    rank = config["r"]
    with fresh_adapter(rank, config["lora_alpha"]) as model:
        weights = [p for p in model.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(weights, lr=config["learning_rate"], weight_decay=0)
        model.train()
        begin = time.time()
        losses = []
        for ids in inputs.to(device):
            logits = model(input_ids=ids).logits
            loss = F.cross_entropy(logits[:, :-1].flatten(0, 1).float(), ids[:, 1:].flatten())
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            losses.append(float(loss))
        speed = inputs.numel() / (time.time() - begin)
        model.eval()
        with torch.inference_mode():
            logits = model(input_ids=val_ids).logits.float()
            nats = F.cross_entropy(logits[:, :-1].flatten(0, 1), val_ids[:, 1:].flatten(), reduction="sum").item()
    mean = nats / val_ids[:, 1:].numel()
    ppl = math.exp(mean) if mean < 700 else None
    failed = any(math.isnan(loss) for loss in losses) or ppl is None or math.isnan(ppl) or ppl > base_score["val_ppl"]
    return dict(
        run_id=config["run_id"],
        config=dict(config),
        tokens=config["steps"] * config["batch_size"] * config["length"],
        trainable=sum(w.numel() for w in weights),
        losses=[None if math.isnan(loss) else loss for loss in losses],
        val_ppl=ppl,
        bpb=mean * val_ids[:, 1:].numel() / math.log(2) / val_bytes,
        tok_per_s=speed,
        peak_mem=peak_memory(),
        status="diverged" if failed else "ok",
    )

with (OUT / "runs.jsonl").open("w") as file:
    for config in planned:
        row = run_one(config)
        file.write(json.dumps(row) + "\n")
