"""Lab 1, set-up: device and format, environment, seeds, a first model. 8 points."""

from typing import Any

import numpy as np

from grader import check, expect

# Exercise 1: pick_device

WANTED = ("device", "dtype", "load_in_4bit")


def right_choice(cuda: bool, capability: Any) -> dict[str, Any]:
    """The table of the exercise."""
    if not cuda:
        return {"device": "cpu", "dtype": "float32", "load_in_4bit": False}
    return {"device": "cuda", "dtype": "bfloat16" if tuple(capability) >= (8, 0) else "float16", "load_in_4bit": True}


def plain_name(value: Any) -> Any:
    """The exercise's spelling of `torch.float16` and `cuda:0`: a torch.dtype or torch.device says the same thing."""
    return value.removeprefix("torch.").removesuffix(":0") if isinstance(value, str) else value


def expect_choice(found: Any, wanted: dict[str, Any], machine: str, why: str) -> None:
    expect(
        isinstance(found, dict) and set(WANTED) <= found.keys(),
        f"For {machine}, `pick_device` did not return a dict with the keys `device`, `dtype` and `load_in_4bit`.",
    )
    for key in WANTED:
        value = plain_name(found[key])
        is_same = value == wanted[key] and isinstance(value, bool) == isinstance(wanted[key], bool)
        expect(is_same, f"For {machine}, `{key}` is {value!r}. {why}")


@check("pick_device", points=1, public=True)
def test_without_cuda(student):
    """Without CUDA: the CPU, float32, not 4 bit"""
    for found in student.probe("devices_without_cuda"):
        expect_choice(
            found,
            right_choice(False, None),
            "a machine without CUDA",
            "Read the first line of the table; it holds whatever `capability` is.",
        )


@check("pick_device", points=1, public=True)
def test_gpus_by_capability(student):
    """With CUDA: the format that the capability allows, in 4 bit"""
    for case in student.probe("devices_with_cuda"):
        expect(
            isinstance(case, dict) and isinstance(case.get("capability"), list), "The hidden inputs did not come back as they were sent."
        )
        capability = tuple(case["capability"])
        why = (
            "From (8, 0) on, GPUs compute with bfloat16."
            if capability >= (8, 0)
            else "Below (8, 0) there is no bfloat16 in hardware: a T4 has (7, 5)."
        )
        expect_choice(
            case.get("choice"),
            right_choice(True, capability),
            f"a GPU of capability {capability}",
            f"{why} Compare `capability` with (8, 0), and look at nothing but the two arguments.",
        )


# Exercise 2: env.json


def release(version: Any) -> Any:
    """A version without its build ("2.13.0+cpu" → "2.13.0"): `torch.__version__` and pip's records can differ there."""
    return version.split("+")[0] if isinstance(version, str) else version


def env_json(student: Any, *keys: str) -> dict[str, Any]:
    """env.json with the keys that a check looks at; the others are another's."""
    env = student.json("out/lab1/env.json")
    expect(isinstance(env, dict), "env.json does not hold an object. Write the four keys that the exercise shows.")
    for key in keys:
        expect(key in env, f"env.json has no `{key}`. Write the four keys that the exercise shows.")
    return env


@check("env", points=1, public=True)
def test_versions_are_the_kernels(student):
    """`env.json` names the Python and the packages that the notebook ran with"""
    env, kernel = env_json(student, "python", "packages"), student.probe("kernel")
    expect(
        env["python"] == kernel["python"],
        f"`python` is {env['python']!r}, but the notebook ran on another one. Take it from `platform.python_version()`, all three numbers.",
    )
    expect(isinstance(env["packages"], dict), "`packages` is not an object of names and versions.")
    for name, version in kernel["packages"].items():
        expect(name in env["packages"], f"`packages` lacks {name}. Six packages are asked for.")
        found = env["packages"][name]
        expect(
            release(found) == release(version),
            f"The {name} you wrote ({found}) is not the one that the notebook ran with. Ask `importlib.metadata.version({name!r})`, don't type it.",
        )


@check("env", points=1, public=True)
def test_device_is_the_machines(student):
    """`env.json` names this machine's device and format"""
    env, kernel = env_json(student, "device", "dtype"), student.probe("kernel")
    wanted = right_choice(kernel["cuda"], kernel["capability"])
    for key in ("device", "dtype"):
        found = plain_name(env[key])
        if found != wanted[key]:  # a wrong `pick_device` has lost its own points already
            chosen = student.probe("device_chosen_here")
            expect(
                isinstance(chosen, dict) and found == plain_name(chosen.get(key)),
                f"`{key}` is {found!r}, which the table does not say of the machine that the notebook ran on. Ask `torch.cuda` there, and "
                "take what `pick_device` chooses.",
            )


# Exercise 3: seed_everything


def expect_seeded(student: Any, generators: dict[str, str]) -> None:
    """Equal seeds give equal draws, all different seeds different ones. `generators`: name → what to call it."""
    found = student.probe("draws")
    for name, called in generators.items():
        for each in found:
            expect(
                each["first"][name] == each["again"][name],
                f"{called} drew other numbers after the same seed. Seed its global generator in `seed_everything`.",
            )
        distinct = {tuple(each["first"][name]) for each in found}
        expect(
            len(distinct) == len(found),
            f"{called} drew the same numbers after {len(found)} different seeds ({len(distinct)} of them distinct). Pass `seed` on as it is; 0 is a "
            "seed like any other.",
        )


@check("seed_everything", points=1, public=True)
def test_python_and_numpy_repeat(student):
    """Python and NumPy draw the same numbers after the same seed, others after another"""
    expect_seeded(student, {"random": "Python's `random`", "numpy": "NumPy's `np.random`"})


@check("seed_everything", points=1, public=True)
def test_torch_repeats(student):
    """torch draws the same numbers after the same seed, others after another"""
    expect_seeded(student, {"torch": "torch"})


# Exercise 4: model, tokenizer, smoke_ids


@check("smoke_ids", points=1)
def test_the_base_model_is_loaded(student, reference, profile):
    """`model` and `tokenizer` are the base model's, in the profile's format"""
    found, wanted = student.variable("model"), reference.variable("model")
    is_model = isinstance(found, dict) and found.get("$") == "model"
    expect(is_model, "`model` is not a model. Load it with `AutoModelForCausalLM.from_pretrained`.")
    expect(
        found["parameters"] == wanted["parameters"],
        f"`model` has {found['parameters']:,} parameters, another number than the base model. Load `profile.base_model`, for causal language modelling.",
    )
    expect(
        found["tied"] == wanted["tied"],
        "`model` does not share its weights between input and output as the base model does. Load it as it is.",
    )
    expect(
        found["base_sha256"] == wanted["base_sha256"],
        "`model` has the base model's shape, but not its weights. Use `from_pretrained`: `from_config` gives random ones.",
    )
    formats, dtype = student.probe("model_format"), profile["dtype"]
    if not profile["load_in_4bit"]:  # a 4-bit model mixes formats
        expect(formats == [dtype], f"`model` is in {' and '.join(map(str, formats))}; expected {dtype}. Pass `dtype=profile.dtype`.")
    found, wanted = student.variable("tokenizer"), reference.variable("tokenizer")
    expect(
        isinstance(found, dict) and found.get("$") == "tokenizer",
        "`tokenizer` is not a tokenizer. Load it with `AutoTokenizer.from_pretrained`.",
    )
    same = all(found.get(key) == wanted[key] for key in ("vocabulary", "special"))
    expect(same, "`tokenizer` is not the base model's. Load it from `profile.base_model` too.")


@check("smoke_ids", points=1, after="test_the_base_model_is_loaded")
def test_smoke_ids_are_greedy(student, reference):
    """`smoke_ids` are the prompt and the 20 most likely tokens"""
    found, wanted = ids(student.variable("smoke_ids")), ids(reference.variable("smoke_ids"))
    prompt = reference.probe("prompt_ids")
    expect(
        found[: len(prompt)] == prompt,
        "`smoke_ids` do not begin with the ids of `SMOKE_PROMPT`. Keep what `generate` returns, the prompt's ids included.",
    )
    expect(
        len(found) == len(wanted),
        f"`smoke_ids` hold {len(found) - len(prompt)} tokens after the prompt; expected {len(wanted) - len(prompt)}. Pass `max_new_tokens=20`, and let "
        "the model stop where it does.",
    )
    expect(
        found == wanted,
        "`smoke_ids` are not the most likely token each time. Switch sampling off (`do_sample=False`), and use no beams or penalties.",
    )


def ids(value: Any) -> list[int]:
    """A tensor (1, n) or (n,), or lists of such shape, as n ids."""
    array = np.asarray(value) if isinstance(value, (np.ndarray, list)) else None
    is_ids = array is not None and array.dtype.kind in "iu" and array.ndim in (1, 2) and array.size == array.shape[-1]
    expect(is_ids, "`smoke_ids` is not one row of token ids. Keep the tensor that `generate` returns.")
    return [int(i) for i in array.ravel()]
