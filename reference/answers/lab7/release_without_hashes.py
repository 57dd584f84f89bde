# %% [markdown]
# No SHA256SUMS.

# %% exercise="release" verdict="wrong" caught_by=["test_a_release_is_those_four_files"]
def make_release(adapter: Path, card: str, base_model: str, folder: Path) -> None:
    """Make `folder` a release of the adapter: weights, config, card and hashes, and nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copyfile(adapter / "adapter_model.safetensors", folder / "adapter_model.safetensors")
    config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = base_model
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    (folder / "README.md").write_text(card, encoding="utf-8")


make_release(adapter_folder, card_text, profile.base_model_id, OUT / "release")
