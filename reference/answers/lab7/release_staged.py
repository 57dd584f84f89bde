# %% [markdown]
# Builds the release beside its place and renames it into it; hashes what it writes on the way.

# %% exercise="release" verdict="right"
def make_release(adapter: Path, card: str, base_model: str, folder: Path) -> None:
    config = json.loads((adapter / "adapter_config.json").read_bytes()) | {"base_model_name_or_path": base_model}
    files = {
        "adapter_model.safetensors": (adapter / "adapter_model.safetensors").read_bytes(),
        "adapter_config.json": json.dumps(config, sort_keys=True).encode(),
        "README.md": card.encode("utf-8"),
    }
    files["SHA256SUMS"] = "".join(f"{hashlib.sha256(data).hexdigest()} *{name}\n" for name, data in files.items()).encode()
    folder.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(dir=folder.parent))
    for name, data in files.items():
        (staged / name).write_bytes(data)
    if folder.exists():
        shutil.rmtree(folder)
    staged.rename(folder)


make_release(adapter_folder, card_text, profile.base_model_id, OUT / "release")
