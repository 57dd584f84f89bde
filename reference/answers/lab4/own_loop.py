# %% [markdown]
# No Unsloth, no trainer: transformers, PEFT and a loop of twenty lines. The log is kept by hand.

# %% exercise="peft_model" verdict="right"
from peft import LoraConfig, TaskType, get_peft_model
from transformers import AutoModelForCausalLM

seed_everything(profile.train["seed"])
peft_model = get_peft_model(
    AutoModelForCausalLM.from_pretrained(profile.base_model, dtype=torch.float32),
    LoraConfig(r=8, lora_alpha=8, target_modules="all-linear", task_type=TaskType.CAUSAL_LM),
)

# %% exercise="train_args" verdict="right"
from transformers import TrainingArguments

train_args = TrainingArguments(output_dir="out/lab4/trainer", use_cpu=not on_gpu, report_to=[], warmup_steps=0.1, **{k: v for k, v in profile.train.items() if k != "warmup_steps"})

# %% exercise="adapter" verdict="right"
batch = train_args.per_device_train_batch_size * train_args.gradient_accumulation_steps
rows = torch.tensor(train_blocks["input_ids"][:], device=peft_model.device)
weights = [p for p in peft_model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(weights, lr=train_args.learning_rate, betas=(0.9, 0.95), weight_decay=0.01)
warm = max(1, round(0.1 * train_args.max_steps))
history = []
order = torch.randperm(len(rows))
peft_model.train()
for step in range(1, train_args.max_steps + 1):
    rate = train_args.learning_rate * min(step / warm, (train_args.max_steps - step + 1) / (train_args.max_steps - warm + 1))
    for group in optimizer.param_groups:
        group["lr"] = rate
    if len(order) < batch:
        order = torch.cat([order, torch.randperm(len(rows))])
    chosen, order = order[:batch], order[batch:]
    logits = peft_model(input_ids=rows[chosen], use_cache=False).logits
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), rows[chosen][:, 1:].flatten())
    loss.backward()
    torch.nn.utils.clip_grad_norm_(weights, 1.0)
    optimizer.step()
    optimizer.zero_grad()
    history.append({"step": step, "loss": loss.item(), "learning_rate": rate})

from peft import get_peft_model_state_dict
from safetensors.torch import save_file

folder = OUT / "adapter"
folder.mkdir(exist_ok=True)
save_file({name: p.contiguous() for name, p in get_peft_model_state_dict(peft_model).items()}, folder / "adapter_model.safetensors")
peft_model.peft_config["default"].save_pretrained(str(folder))

# %% exercise="log" verdict="right"
import pandas as pd

pd.DataFrame(history).to_json(OUT / "log.jsonl", orient="records", lines=True)
