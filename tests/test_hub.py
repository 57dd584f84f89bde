"""The rehearsal hub: the real client pushes to it and gets back what it pushed, and is refused where the Hub would refuse."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from huggingface_hub import constants
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

from grader.source import ROOT

LABS = ROOT / "labs"


@pytest.fixture
def rehearsal(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The course's module; what it changes in the client is put back."""
    for name in ("ENDPOINT", "HUGGINGFACE_CO_URL_TEMPLATE", "HF_HUB_OFFLINE", "HF_HUB_DISABLE_XET"):
        monkeypatch.setattr(constants, name, getattr(constants, name))
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.syspath_prepend(str(LABS))
    import utils.hub_rehearsal

    return utils.hub_rehearsal


@pytest.fixture
def hub(rehearsal: ModuleType) -> Iterator[Any]:
    with rehearsal.RehearsalHub(user="kim") as hub:
        yield hub


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    release = tmp_path / "release"
    release.mkdir()
    (release / "README.md").write_text("---\nlicense: cc-by-sa-4.0\n---\n# Ünique\n", encoding="utf-8")
    (release / "adapter_config.json").write_text("{}")
    (release / "adapter_model.safetensors").write_bytes(os.urandom(200_000))
    return release


def hashes(path: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in path.iterdir() if p.is_file() and p.name != ".gitattributes"}


def push(hub: Any, folder: Path, repo_id: str = "kim/notes", role: str = "write") -> str:
    api = hub.api(role)
    api.create_repo(repo_id, private=True, exist_ok=True)
    return str(api.upload_folder(repo_id=repo_id, folder_path=folder).oid)


def test_what_was_pushed_comes_back(hub: Any, folder: Path, tmp_path: Path) -> None:
    push(hub, folder)
    hub.api().snapshot_download("kim/notes", local_dir=tmp_path / "back")
    assert hashes(tmp_path / "back") == hashes(folder)


def test_an_earlier_commit_can_still_be_had(hub: Any, folder: Path, tmp_path: Path) -> None:
    before = hashes(folder)
    first = push(hub, folder)
    (folder / "adapter_model.safetensors").write_bytes(b"new")
    second = push(hub, folder)
    hub.api().snapshot_download("kim/notes", revision=first, local_dir=tmp_path / "old")
    assert (first != second, hashes(tmp_path / "old")) == (True, before)


def test_the_repository_is_as_private_as_it_was_asked_to_be(hub: Any) -> None:
    api = hub.api()
    api.create_repo("kim/hidden", private=True)
    api.create_repo("kim/shown")
    api.create_repo("kim/later", private=False)
    api.update_repo_settings("kim/later", private=True)
    assert [hub.repositories[f"kim/{name}"].private for name in ("hidden", "shown", "later")] == [True, False, True]


def test_a_second_push_of_the_same_makes_no_commit(hub: Any, folder: Path) -> None:
    assert push(hub, folder) == push(hub, folder)
    assert [c.message for c in hub.repositories["kim/notes"].commits] == ["initial commit", "Upload folder using huggingface_hub"]


def test_files_can_be_deleted_by_a_commit(hub: Any, folder: Path) -> None:
    push(hub, folder)
    (folder / "adapter_config.json").unlink()
    hub.api().upload_folder(repo_id="kim/notes", folder_path=folder, delete_patterns="*")
    assert sorted(hub.repositories["kim/notes"].files) == ["README.md", "adapter_model.safetensors"]


def test_creating_twice_is_a_conflict(hub: Any) -> None:
    hub.api().create_repo("kim/notes")
    with pytest.raises(HfHubHTTPError) as refused:
        hub.api().create_repo("kim/notes")
    assert refused.value.response.status_code == 409


@pytest.mark.parametrize(
    ("role", "repo_id", "status"),
    [("unknown", "kim/new", 401), ("read", "kim/new", 403), ("write", "noor/new", 403), ("write", "noor/hers", 403)],
)
def test_who_may_not_write_is_refused(hub: Any, folder: Path, role: str, repo_id: str, status: int) -> None:
    hub.create("noor/hers", private=False)
    with pytest.raises(HfHubHTTPError) as refused:
        push(hub, folder, repo_id, role)
    assert refused.value.response.status_code == status
    assert hub.repositories.keys() == {"noor/hers"} and not hub.repositories["noor/hers"].files


def test_a_private_repository_is_not_found_by_others(hub: Any) -> None:
    hub.create("noor/hidden", private=True)
    with pytest.raises(RepositoryNotFoundError):
        hub.api().model_info("noor/hidden")
    assert not hub.api().repo_exists("noor/hidden")


def test_a_breakdown_is_an_error_of_the_server(hub: Any, folder: Path) -> None:
    push(hub, folder)
    hub.broken = True
    (folder / "README.md").write_text("changed")
    with pytest.raises(HfHubHTTPError) as failed:
        push(hub, folder)
    assert failed.value.response.status_code == 500


def test_an_object_with_another_hash_is_refused(hub: Any) -> None:
    from huggingface_hub.utils import get_session

    hub.api()
    assert get_session().put(f"{hub.url}/objects/{'0' * 64}", content=b"x").status_code == 400
    assert hub.objects == {}


def test_a_closed_hub_no_longer_answers(rehearsal: ModuleType) -> None:
    import httpx

    with rehearsal.RehearsalHub() as hub:
        api = hub.api()
        assert api.whoami()["name"] == "student"
    with pytest.raises(httpx.ConnectError):
        api.whoami()


def test_a_client_that_starts_offline_gets_through() -> None:
    """As in the box: HF_HUB_OFFLINE=1 when the client is imported, before the hub is."""
    code = (
        "import huggingface_hub; from utils.hub_rehearsal import RehearsalHub; "
        "hub = RehearsalHub(); print(hub.api().create_repo('student/x', private=True).repo_id)"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    done = subprocess.run([sys.executable, "-c", code], cwd=LABS, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.stdout.strip(), done.returncode) == ("student/x", 0), done.stderr[-2000:]
