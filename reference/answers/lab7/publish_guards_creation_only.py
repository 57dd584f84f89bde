# %% [markdown]
# Handles refusals of `create_repo`, not those of the upload.

# %% exercise="publish" verdict="wrong" caught_by=["test_a_refusal_is_said"]
def publish(api: HfApi, folder: Path, repo_id: str) -> str:
    try:
        api.create_repo(repo_id, private=True, exist_ok=True)
    except HfHubHTTPError as error:
        if error.response.status_code in (401, 403):
            raise PermissionError(f"You may not write to {repo_id}. Log in with a token that may.") from error
        raise
    return api.upload_folder(repo_id=repo_id, folder_path=folder).oid
