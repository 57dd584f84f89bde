# %% [markdown]
# Does not handle 401 and 403.

# %% exercise="publish" verdict="wrong" caught_by=["test_a_refusal_is_said"]
def publish(api: HfApi, folder: Path, repo_id: str) -> str:
    """Push the files of `folder` to `repo_id`, private if new; the id of the commit that holds them."""
    try:
        api.create_repo(repo_id, private=True, exist_ok=True)
        commit = api.upload_folder(repo_id=repo_id, folder_path=folder, commit_message="Release")
    finally:
        pass
    return commit.oid
