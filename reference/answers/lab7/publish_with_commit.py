# %% [markdown]
# Looks whether the repository exists, and makes the commit itself.

# %% exercise="publish" verdict="right"
from huggingface_hub import CommitOperationAdd


def publish(api, folder, repo_id):
    try:
        if not api.repo_exists(repo_id):
            api.create_repo(repo_id=repo_id, repo_type="model", private=True)
        operations = [
            CommitOperationAdd(path_in_repo=path.relative_to(folder).as_posix(), path_or_fileobj=str(path))
            for path in sorted(Path(folder).rglob("*"))
            if path.is_file()
        ]
        return api.create_commit(repo_id, operations, commit_message=f"Release of {len(operations)} files").oid
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status == 401:
            raise PermissionError(f"Cannot publish {repo_id}: the Hub does not know your token. Log in again: hf auth login") from None
        if status == 403:
            raise PermissionError(f"Cannot publish {repo_id}: your token may not write there. Ask its owner, or use a write token.") from None
        raise
