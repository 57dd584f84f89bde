# %% [markdown]
# The log through pandas, numbers rounded as the card shows them, lists and other words for the texts.

# %% exercise="card" verdict="right"
import pandas as pd

log = pd.read_json(INPUTS / "lab4" / "log.jsonl", lines=True)
metrics = json.load(open("inputs/lab6/metrics.json"), parse_float=lambda text: round(float(text), 3))
training = {
    "steps": int(log["step"].max()),
    "learning_rate": float(f"{log['learning_rate'].max():.3g}"),
    "first_loss": float(log["loss"].iloc[0]),
    "last_loss": float(log["loss"].iloc[-1]),
}
training["tokens"] = training["steps"] * profile.block_size
for key in ("per_device_train_batch_size", "gradient_accumulation_steps"):
    training["tokens"] *= profile.train[key]
scope = """**Not for:**

- diagnosis, treatment, triage
- any other clinical use

It was made to learn from: research on methods, and education."""
licence = f"""- Licence: Creative Commons Attribution-ShareAlike 4.0 International <https://creativecommons.org/licenses/by-sa/4.0/>
- Data: [ncbi/Open-Patients](https://huggingface.co/datasets/ncbi/Open-Patients), which we modified (duplicates and marks removed, cut into blocks)
- Share alike: adaptations must be licensed under the same terms
- Base: {profile.base_model_id}, Apache License 2.0"""
card = ModelCard(
    render_card(
        {
            "model_name": "ward-7", "repo_id": "grace/ward-7", "author": "Grace", "contact": "grace@example.org", "summary": "LoRA weights.",
            "base_model": profile.base_model_id, "base_license": "apache-2.0", "training_data": "Patient descriptions.", "hardware": "Laptop",
            "out_of_scope": scope, "licence_note": licence, "metrics": metrics, "training": training,
            "adapter": json.load(open("inputs/lab4/adapter/adapter_config.json")),
        }
    )
)
card.save("out/lab7/README.md")
