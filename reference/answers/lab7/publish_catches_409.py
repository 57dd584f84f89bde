# %% [markdown]
# Tries to create, takes 409 for an answer, and asks the server for the newest commit.

# %% exercise="publish" verdict="right"
def publish(api: HfApi, folder: Path, repo_id: str) -> str:
    def call(function, *args, **kwargs):
        try:
            return function(*args, **kwargs)
        except HfHubHTTPError as error:
            if error.response.status_code in {401, 403}:
                raise PermissionError(f"{repo_id}: the token cannot write to this repository; check it at huggingface.co/settings/tokens") from None
            raise

    try:
        call(api.create_repo, repo_id, visibility="private")
    except HfHubHTTPError as error:
        if error.response.status_code != 409:
            raise
    call(api.upload_folder, folder_path=str(folder), repo_id=repo_id, delete_patterns="*")
    return call(api.model_info, repo_id).sha
