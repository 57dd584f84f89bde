# %% [markdown]
# Makes the repository private again at every push, also one that was made public since.

# %% exercise="publish" verdict="wrong" caught_by=["test_pushing_again_does_no_harm"]
def publish(api, folder, repo_id):
    try:
        api.create_repo(repo_id, private=True, exist_ok=True)
        api.update_repo_settings(repo_id, private=True)
        return api.upload_folder(repo_id=repo_id, folder_path=folder).oid
    except HfHubHTTPError as error:
        if error.response.status_code in (401, 403):
            raise PermissionError(f"{repo_id}: log in again with a token that may write") from error
        raise
