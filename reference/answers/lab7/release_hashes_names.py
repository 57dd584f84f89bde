# %% [markdown]
# Hashes the names of the files.

# %% exercise="release" verdict="wrong" caught_by=["test_the_hashes_are_right"]
def make_release(adapter: Path, card: str, base_model: str, folder: Path) -> None:
    """Make `folder` a release of the adapter: weights, config, card and hashes, and nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copyfile(adapter / "adapter_model.safetensors", folder / "adapter_model.safetensors")
    config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = base_model
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    (folder / "README.md").write_text(card, encoding="utf-8")
    lines = [f"{hashlib.sha256(path.name.encode()).hexdigest()}  {path.name}\n" for path in sorted(folder.iterdir())]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


make_release(adapter_folder, card_text, profile.base_model_id, OUT / "release")
