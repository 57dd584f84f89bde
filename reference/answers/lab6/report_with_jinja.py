# %% [markdown]
# A Jinja template that fails on a missing key.

# %% exercise="report" verdict="right"
from jinja2 import Environment, StrictUndefined

TEMPLATE = """
## Overall
{% for name in ("base", "tuned") -%}
The {{ name }} model has perplexity {{ "%.3f" % m[name].token_ppl }} and needs {{ "%.3f" % m[name].bpb }} bits per byte.
{% endfor -%}
The ratio lies between {{ m.bootstrap_ci[0] | round(3) }} and {{ m.bootstrap_ci[1] | round(3) }} (95 % of {{ "bootstrap draws" }}).
{% for title, key in (("By source", "per_source"), ("By length", "per_length")) %}
## {{ title }}
{% for name, s in m[key].items() %}
- `{{ name }}`: {{ s.base.token_ppl | round(2) }} to {{ s.tuned.token_ppl | round(2) }} on {{ s.n_docs }} notes
{%- endfor %}
{% endfor %}
## Forgetting
Ratio {{ m.general_text.ratio | round(3) }} on general text.

## Memorisation
train {{ m.memorisation.train.rate }}, test {{ m.memorisation.test.rate }}

## Examples
Read pairs.jsonl. Both turn in circles.

## Regressions
{{ m.worst | join(", ") }}{% if m.general_text.ratio > 1.15 %}, and general English{% endif %}

## Limits
One run, one seed. Educational use only.
"""
template = Environment(undefined=StrictUndefined).from_string(TEMPLATE)
(OUT / "report.md").write_text(template.render(m=json.loads((OUT / "metrics.json").read_text())))
