# %% [markdown]
# transformers' own warpers, one after the other.

# %% exercise="filter_logits" verdict="right"
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

def filter_logits(logits, temperature, top_k, top_p):
    if temperature == 0:
        return torch.where(logits == logits.max(), logits, -torch.inf)
    scores = TemperatureLogitsWarper(float(temperature))(None, logits[None])
    if top_k > 0:
        scores = TopKLogitsWarper(top_k)(None, scores)
    if top_p < 1.0:
        scores = TopPLogitsWarper(top_p)(None, scores)
    return scores[0]
