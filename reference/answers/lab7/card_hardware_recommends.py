# %% [markdown]
# Another field than the scope recommends the bedside.

# %% exercise="card" verdict="wrong" caught_by=["test_clinical_use_is_ruled_out"]
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
    "hardware": 'A laptop, which suffices for clinical use at the bedside.',
    "out_of_scope": "This adapter is for research and education. It must not be used for diagnosis, treatment or any other clinical "
    "purpose, and nothing that it writes is medical advice. It has never been tested for safety.",
    "licence_note": "This adapter is licensed under [CC BY-SA 4.0](https://creativecommons.org/licenses/by-sa/4.0/). It was made from notes "
    "in the form of [ncbi/Open-Patients](https://huggingface.co/datasets/ncbi/Open-Patients) (CC BY-SA 4.0), which credits its own sources; "
    "which notes, the section on training data says. Changes were made: notes were cleaned, freed of copies, split and packed, and a model "
    "was trained on them.\n\nWhoever shares this adapter, or "
    "something made of it, must do so under the same licence, say what they changed, and credit the above. The base model "
    f"`{profile.base_model_id}` is under Apache-2.0, which stays with it.",
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
