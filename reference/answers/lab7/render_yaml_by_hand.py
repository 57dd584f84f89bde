# %% [markdown]
# Writes YAML by hand: a colon in the name breaks it, so nobody can read the card.

# %% exercise="render_card" verdict="wrong" caught_by=["test_the_card_shows_every_value", "test_the_card_has_its_metadata", "test_the_card_has_its_results"]
def render_card(ctx: dict) -> str:
    """The model card: YAML metadata and the template's text, filled in from `ctx`."""
    tuned = ctx["metrics"]["tuned"]
    results = [
        EvalResult(
            task_type="text-generation",
            dataset_type="ncbi/Open-Patients",
            dataset_name="Open-Patients",
            metric_type=metric,
            metric_value=value,
        )
        for metric, value in [("perplexity", tuned["token_ppl"]), ("bits_per_byte", tuned["bpb"])]
    ]
    card_data = f"""license: cc-by-sa-4.0
base_model: {ctx["base_model"]}
base_model_relation: adapter
datasets: [ncbi/Open-Patients]
library_name: peft
pipeline_tag: text-generation
language: en
tags: [lora, unsloth, medical, continued-pretraining]
model-index:
- name: {ctx["model_name"]}
  results:
  - task: {{type: text-generation}}
    dataset: {{type: ncbi/Open-Patients, name: Open-Patients}}
    metrics:
    - {{type: perplexity, value: {tuned["token_ppl"]}}}
    - {{type: bits_per_byte, value: {tuned["bpb"]}}}"""
    environment = SandboxedEnvironment(undefined=StrictUndefined)
    template = environment.from_string(Path("templates/model_card.md.j2").read_text(encoding="utf-8"))
    return template.render(ctx, card_data=card_data)
