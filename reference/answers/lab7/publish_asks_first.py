# %% [markdown]
# Asks whether the repository exists, and reads the commit's id from the server.

# %% exercise="publish" verdict="right"
def publish(api, folder, repo_id):
    try:
        if not api.repo_exists(repo_id):
            api.create_repo(repo_id, private=True)
        api.upload_folder(folder_path=str(folder), repo_id=repo_id, commit_message="A release")
        return api.model_info(repo_id).sha
    except HfHubHTTPError as e:
        match e.response.status_code:
            case 401 | 403:
                raise PermissionError(f"Cannot write to {repo_id!r}: check that your token is valid and has the *write* role.")
            case _:
                raise e
