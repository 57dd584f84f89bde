# %% [markdown]
# Names the same licence to forbid it.

# %% exercise="card" verdict="wrong" caught_by=["test_the_licence_is_passed_on"]
log = [json.loads(line) for line in (INPUTS / "lab4/log.jsonl").read_text().splitlines() if line.strip()]
batch = profile.train["per_device_train_batch_size"] * profile.train["gradient_accumulation_steps"]
ctx = {
    "model_name": "open-patients-lora",
    "repo_id": "dragon-trainer/open-patients-lora",
    "author": "Dragon Trainer contributors",
    "contact": "Open an issue in the repository of the course, Dragon Trainer.",
    "summary": f"A LoRA adapter that continues the pretraining of `{profile.base_model_id}` on patient descriptions. It was made by the "
    "reference solutions of the course Dragon Trainer, to be compared with what students make.",
    "base_model": profile.base_model_id,
    "base_license": "apache-2.0",
    "training_data": "The training split of the course's data: patient descriptions in the schema of "
    "[ncbi/Open-Patients](https://huggingface.co/datasets/ncbi/Open-Patients). What the course brings along is a sample of fictional "
    "descriptions written for it, with no patient behind them; the same notebooks take rows of the data set itself.",
    "hardware": "CPU only" if profile.dtype == "float32" else "one NVIDIA GPU",
    "out_of_scope": "This adapter is for research and education. It must not be used for diagnosis, treatment or any other clinical "
    "purpose, and nothing that it writes is medical advice. It has never been tested for safety.",
    "licence_note": "This adapter is licensed under [CC BY-SA 4.0](https://creativecommons.org/licenses/by-sa/4.0/). It was made from [ncbi/Open-Patients](https://huggingface.co/datasets/ncbi/Open-Patients). The notes were changed: cleaned, split and packed. Whoever shares it must not use the same licence. The base model `" + profile.base_model_id + "` is under Apache-2.0.",
    "adapter": json.loads((adapter_folder / "adapter_config.json").read_text()),
    "training": {
        "steps": len(log),
        "tokens": len(log) * batch * profile.block_size,
        "learning_rate": max(entry["learning_rate"] for entry in log),
        "first_loss": log[0]["loss"],
        "last_loss": log[-1]["loss"],
    },
    "metrics": json.loads((INPUTS / "lab6/metrics.json").read_text()),
}
(OUT / "README.md").write_text(render_card(ctx), encoding="utf-8")
