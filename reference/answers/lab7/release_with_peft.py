# %% [markdown]
# Reads and writes the config with PEFT, and empties the folder file by file.

# %% exercise="release" verdict="right"
def make_release(adapter: Path, card: str, base_model: str, folder: Path) -> None:
    from peft import LoraConfig

    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    config = LoraConfig.from_pretrained(str(adapter))
    config.base_model_name_or_path = base_model
    config.save_pretrained(str(folder))
    (folder / "adapter_model.safetensors").write_bytes((adapter / "adapter_model.safetensors").read_bytes())
    (folder / "README.md").write_text(card, encoding="utf-8")
    with open(folder / "SHA256SUMS", "w") as file:
        for name in ("adapter_model.safetensors", "README.md", "adapter_config.json"):
            with open(folder / name, "rb") as released:
                print(hashlib.sha256(released.read()).hexdigest(), "", name, file=file)


make_release(adapter_folder, card_text, profile.base_model_id, OUT / "release")
