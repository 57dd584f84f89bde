# %% [markdown]
# Escapes as for a web page, and takes all of it back: a way round, but nothing is lost.

# %% exercise="render_card" verdict="right"
def _meta(ctx):
    def result(kind, value):
        return EvalResult(task_type="text-generation", dataset_type="ncbi/Open-Patients", dataset_name="Open-Patients", metric_type=kind, metric_value=value)
    tuned = ctx["metrics"]["tuned"]
    return ModelCardData(license="cc-by-sa-4.0", base_model=ctx["base_model"], base_model_relation="adapter", datasets=["ncbi/Open-Patients"],
        library_name="peft", pipeline_tag="text-generation", language="en", tags=["lora", "unsloth", "medical", "continued-pretraining"],
        model_name=ctx["model_name"], eval_results=[result("perplexity", tuned["token_ppl"]), result("bits_per_byte", tuned["bpb"])])

import html
def render_card(ctx):
    env = SandboxedEnvironment(undefined=StrictUndefined, autoescape=True)
    return html.unescape(env.from_string(template_text).render(card_data=_meta(ctx).to_yaml(), **ctx))
