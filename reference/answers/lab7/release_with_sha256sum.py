# %% [markdown]
# Copies with pathlib and `copy2`, and lets `sha256sum` write the hashes.

# %% exercise="release" verdict="right"
import subprocess


def make_release(adapter, card, base_model, folder):
    adapter, folder = Path(adapter), Path(folder)
    if folder.exists():
        shutil.rmtree(folder)
    os.makedirs(folder)
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        shutil.copy2(adapter / name, folder)
    text = (folder / "adapter_config.json").read_text()
    old = json.loads(text)["base_model_name_or_path"]
    (folder / "adapter_config.json").chmod(0o644)
    (folder / "adapter_config.json").write_text(text.replace(json.dumps(old), json.dumps(base_model)))
    ModelCard(card).save(folder / "README.md")
    sums = subprocess.run(["sha256sum", *sorted(os.listdir(folder))], cwd=folder, capture_output=True, text=True, check=True).stdout
    (folder / "SHA256SUMS").write_text(sums)


make_release(adapter_folder, card_text, profile.base_model_id, OUT / "release")
