# %% [markdown]
# Scope and licence note as lists; "prohibited, and so are …"; the changes named without the word *changed*.

# %% exercise="card" verdict="right"
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
    "out_of_scope": 'The adapter serves research and educational purposes.\n\n- Clinical use is prohibited, and so are diagnosis and treatment.\n- Clinical decisions, however small, are not to be based on it.',
    "licence_note": '1. License: [CC BY-SA 4.0](https://creativecommons.org/licenses/by-sa/4.0/).\n2. Data: [ncbi/Open-Patients](https://huggingface.co/datasets/ncbi/Open-Patients).\n'
    '3. The notes were preprocessed, split and packed, and the adapter was trained on them.\n'
    '4. Everybody who passes it on, or a work derived from it, is obliged to apply the same CC BY-SA 4.0 license.\n'
    f'5. Base model: {profile.base_model_id}, Apache License 2.0.',
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
