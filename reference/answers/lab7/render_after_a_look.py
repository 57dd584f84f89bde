# %% [markdown]
# `ModelCard.from_template`, which is silent about missing values, after a look at what the template asks for.

# %% exercise="render_card" verdict="right"
import jinja2
from jinja2 import nodes


def asked_for(text: str) -> set[tuple[str, ...]]:
    """Paths like ("metrics", "base", "bpb") of everything that a template reads."""
    found = set()
    for node in jinja2.Environment().parse(text).find_all((nodes.Getattr, nodes.Name)):
        path = []
        while isinstance(node, nodes.Getattr):
            path.insert(0, node.attr)
            node = node.node
        if isinstance(node, nodes.Name):
            found.add((node.name, *path))
    return found


def render_card(ctx):
    text = (ROOT / "templates/model_card.md.j2").read_text()
    for path in asked_for(text) - {("card_data",)}:
        value = ctx
        for key in path:
            if key not in value:
                raise ValueError(f"{'.'.join(path)} is missing")
            value = value[key]
    evaluation = dict(task_type="text-generation", dataset_type="ncbi/Open-Patients", dataset_name="Open-Patients")
    data = ModelCardData(
        language=["en"], license="cc-by-sa-4.0", library_name="peft", pipeline_tag="text-generation", datasets="ncbi/Open-Patients",
        base_model=[ctx["base_model"]], base_model_relation="adapter", model_name=ctx["model_name"],
        tags=["medical", "text", "continued-pretraining", "unsloth", "lora", "peft"],
        eval_results=[
            EvalResult(**evaluation, metric_type="bits_per_byte", metric_name="Bits per byte", metric_value=round(ctx["metrics"]["tuned"]["bpb"], 3)),
            EvalResult(**evaluation, metric_type="perplexity", metric_name="Token perplexity", metric_value=round(ctx["metrics"]["tuned"]["token_ppl"], 2)),
        ],
    )
    return str(ModelCard.from_template(data, template_str=text, **ctx))
