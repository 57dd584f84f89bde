# %% [markdown]
# Sets the base's name only where it found a path.

# %% exercise="release" verdict="wrong" caught_by=["test_the_release_names_its_base"]
def make_release(adapter: Path, card: str, base_model: str, folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    shutil.copy(adapter / "adapter_model.safetensors", folder)
    config = json.loads((adapter / "adapter_config.json").read_text())
    if config['base_model_name_or_path'].startswith('/'):
      config["base_model_name_or_path"] = base_model
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2))
    (folder / "README.md").write_text(card, encoding="utf-8")
    names = ["adapter_model.safetensors", "adapter_config.json", "README.md"]
    lines = [hashlib.sha256((folder / n).read_bytes()).hexdigest() + "  " + n for n in names]
    (folder / "SHA256SUMS").write_text("\n".join(lines) + "\n")
make_release(adapter_folder, card_text, profile.base_model_id, OUT / "release")
