"""Hidden inputs of Lab 4: other matrices, other modules, and a last look at the trained model. No expected values here."""

import torch
from boxed import probe
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

# (out, in, r, alpha, rslora)
MATRICES = [(6, 10, 2, 4, False), (10, 6, 4, 4, False), (12, 5, 3, 7.5, False), (7, 9, 1, 2, False)]
MATRICES_RSLORA = [(6, 10, 4, 4, True), (9, 9, 2, 16, True), (5, 12, 8, 3, True)]
LR, EMBEDDING_LR, DECAY = 3e-3, 7e-4, 0.4  # no round part of one another, which could be typed


def _factors(out_features, in_features, r, seed):
    draw = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=draw) for shape in ((out_features, in_features), (r, in_features), (out_features, r))]


def _merged(merge_manual, cases):
    """What the student's function makes of each case, and what is left of W."""
    results, left = [], []
    for seed, (out_features, in_features, r, alpha, rslora) in enumerate(cases):
        W, A, B = _factors(out_features, in_features, r, seed)
        results.append(merge_manual(W, A, B, alpha, r, rslora))
        left.append(bool(torch.equal(W, _factors(out_features, in_features, r, seed)[0])))
    return {"merged": results, "left_alone": left, "by_peft": [_by_peft(case, seed) for seed, case in enumerate(cases)]}


def _by_peft(case, seed):
    """The weight of a linear layer after PEFT itself merged the same matrices into it."""
    out_features, in_features, r, alpha, rslora = case
    W, A, B = _factors(out_features, in_features, r, seed)
    layer = torch.nn.Sequential(torch.nn.Linear(in_features, out_features, bias=False))
    layer[0].weight.data = W.clone()
    model = get_peft_model(layer, LoraConfig(r=r, lora_alpha=alpha, use_rslora=rslora, target_modules=["0"]))
    adapted = model.base_model.model[0]
    adapted.lora_A["default"].weight.data = A.clone()
    adapted.lora_B["default"].weight.data = B.clone()
    return model.merge_and_unload()[0].weight.detach()


@probe
def merge_plain(merge_manual):
    return _merged(merge_manual, MATRICES)


@probe
def merge_rslora(merge_manual):
    return _merged(merge_manual, MATRICES_RSLORA)


@probe
def merge_default(merge_manual):
    """Called without `rslora`, and with B = 0."""
    W, A, B = _factors(8, 6, 4, seed=99)
    return {"default": merge_manual(W, A, B, 2, 4), "start": merge_manual(W, A, torch.zeros_like(B), 2, 4), "W": W}


def _plain():
    """Named like a Llama with LoRA, embeddings and head in training, one norm too; the base layers frozen."""
    torch.manual_seed(11)
    layer = torch.nn.ModuleDict(
        {
            "base_layer": torch.nn.Linear(6, 6, bias=False),
            "lora_A": torch.nn.Linear(6, 2, bias=False),
            "lora_B": torch.nn.Linear(2, 6, bias=False),
        }
    )
    model = torch.nn.ModuleDict(
        {
            "embed_tokens": torch.nn.Embedding(12, 6),
            "layers": torch.nn.ModuleList([torch.nn.ModuleDict({"q_proj": layer, "input_layernorm": torch.nn.LayerNorm(6)})]),
            "lm_head": torch.nn.Linear(6, 12, bias=False),
        }
    )
    layer["base_layer"].requires_grad_(False)
    return model


def _lora_only():
    model = _plain()
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name)
    return model


def _peft(tied):
    """A real PEFT model of four tiny matrices whose embeddings (and head) are trained in full."""
    torch.manual_seed(12)
    config = LlamaConfig(
        vocab_size=16, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2,
        tie_word_embeddings=tied,
    )  # fmt: skip
    if tied:  # embeddings and head are one parameter, unfrozen as it is
        model = LlamaForCausalLM(config)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_("embed_tokens" in name or "o_proj" in name)
        return model
    saved = ["embed_tokens", "lm_head"]
    return get_peft_model(LlamaForCausalLM(config), LoraConfig(r=2, target_modules=["q_proj", "v_proj"], modules_to_save=saved))


MODELS = {"plain": _plain, "LoRA only": _lora_only, "PEFT": lambda: _peft(False), "tied": lambda: _peft(True)}


def _groups(make_optimizer, build):
    model = build()
    optimizer = make_optimizer(model, LR, EMBEDDING_LR, weight_decay=DECAY)
    inside = [id(p) for group in optimizer.param_groups for p in group["params"]]
    return {name: inside.count(id(p)) for name, p in model.named_parameters()}


def _step(make_optimizer, build, *, start, weight_decay, gradient):
    """How far down the first step takes each parameter, all of them beginning at `start`."""
    model = build()
    optimizer = make_optimizer(model, LR, EMBEDDING_LR, weight_decay=weight_decay)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(start)
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, gradient) if parameter.requires_grad else None
    optimizer.step()
    return {name: (start - p.detach()).mean().item() for name, p in model.named_parameters()}


@probe
def optimizer_groups(make_optimizer):
    return {
        kind: {"trains": [n for n, p in build().named_parameters() if p.requires_grad], "groups": _groups(make_optimizer, build)}
        for kind, build in MODELS.items()
    }


@probe
def optimizer_rates(make_optimizer):
    """The size of a first step without weight decay is the learning rate, whatever the gradient."""
    return {kind: _step(make_optimizer, build, start=0.0, weight_decay=0.0, gradient=0.5) for kind, build in MODELS.items()}


@probe
def optimizer_decay(make_optimizer):
    """With no gradient, only weight decay moves a parameter."""
    moved = {kind: _step(make_optimizer, build, start=1.0, weight_decay=DECAY, gradient=0.0) for kind, build in MODELS.items()}
    matrices = {kind: [n for n, p in build().named_parameters() if p.ndim == 2] for kind, build in MODELS.items()}
    return {kind: {name: moved[kind][name] for name in matrices[kind]} for kind in moved}


@probe
def after_training(peft_model):
    """The model as it is when the notebook has ended; its facts carry the base's hash."""
    return peft_model
