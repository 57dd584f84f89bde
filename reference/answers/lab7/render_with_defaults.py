# %% [markdown]
# A default for each value that could be missing.

# %% exercise="render_card" verdict="wrong" caught_by=["test_a_missing_value_is_an_error"]
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
    card_data = ModelCardData(
        model_name=ctx["model_name"],
        license="cc-by-sa-4.0",
        base_model=ctx["base_model"],
        base_model_relation="adapter",
        datasets=["ncbi/Open-Patients"],
        library_name="peft",
        pipeline_tag="text-generation",
        language="en",
        tags=["lora", "unsloth", "medical", "continued-pretraining"],
        eval_results=results,
    )
    environment = SandboxedEnvironment(undefined=StrictUndefined)
    template = environment.from_string(Path("templates/model_card.md.j2").read_text(encoding="utf-8"))
    ctx = {"author": "unknown", "contact": "none", "hardware": "a computer", **ctx}
    return template.render(ctx, card_data=card_data.to_yaml())
