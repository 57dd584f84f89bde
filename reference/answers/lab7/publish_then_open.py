# %% [markdown]
# Makes the repository public when it is pushed to again.

# %% exercise="publish" verdict="wrong" caught_by=["test_pushing_again_does_no_harm"]
def publish(api: HfApi, folder: Path, repo_id: str) -> str:
    """Push the files of `folder` to `repo_id`, private if new; the id of the commit that holds them."""
    try:
        if api.repo_exists(repo_id):
            api.update_repo_settings(repo_id, private=False)
        api.create_repo(repo_id, private=True, exist_ok=True)
        commit = api.upload_folder(repo_id=repo_id, folder_path=folder, commit_message="Release")
    except HfHubHTTPError as error:
        if error.response.status_code in (401, 403):
            raise PermissionError(
                f"The Hub does not let this token write to {repo_id}. Make one with write access to that account, and log in with it."
            ) from error
        raise
    return commit.oid
