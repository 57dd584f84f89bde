# %% [markdown]
# Pushes to a repository that nobody made.

# %% exercise="publish" verdict="wrong" caught_by=["test_a_first_push_is_private_and_whole"]
def publish(api: HfApi, folder: Path, repo_id: str) -> str:
    """Push the files of `folder` to `repo_id`, private if new; the id of the commit that holds them."""
    try:
        commit = api.upload_folder(repo_id=repo_id, folder_path=folder, commit_message="Release")
    except HfHubHTTPError as error:
        if error.response.status_code in (401, 403):
            raise PermissionError(
                f"The Hub does not let this token write to {repo_id}. Make one with write access to that account, and log in with it."
            ) from error
        raise
    return commit.oid
