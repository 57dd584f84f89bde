# %% [markdown]
# The library's own template, with its holes.

# %% exercise="card" verdict="wrong" caught_by=["test_the_readme_has_its_metadata", "test_the_readme_has_no_holes", "test_clinical_use_is_ruled_out", "test_the_licence_is_passed_on"]
data = ModelCardData(license="cc-by-sa-4.0", base_model=profile.base_model_id, library_name="peft", language="en")
(OUT / "README.md").write_text(ModelCard.from_template(data, model_id="open-patients-lora").content)
