"""What can be trained on: folders of the data root by ids, and zips that are uploaded."""

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from regraft.errors import DataError
from regraft.server.answers import Json
from regraft.server.data_root import Entry
from regraft.server.refused import Refused
from regraft.server.service import Here
from regraft.server.uploaded import TooLarge, Upload

router = APIRouter(include_in_schema=False)


@router.get("/data")
def tops(service: Here) -> Response:
    """The data roots, and the zips that were uploaded."""
    workshop = service.workshop
    entries = [as_dict(entry) for entry in workshop.roots.tops()]
    return Json({"entries": entries, "uploads": [upload_as_dict(upload) for upload in workshop.uploads.all()]})


@router.get("/data/{name}")
def inside(name: str, service: Here) -> Response:
    """The folders and data sets in one that was listed before."""
    try:
        entry = service.workshop.roots.get(name)
        return Json({"entry": as_dict(entry), "entries": list(map(as_dict, service.workshop.roots.inside(entry)))})
    except DataError as error:
        raise Refused(404, str(error)) from None


@router.post("/uploads")
async def upload(request: Request, service: Here, name: str = "images.zip") -> Response:
    """Take a zip, as the body of the request."""
    length = request.headers.get("content-length", "")
    known = int(length) if length.isascii() and length.isdecimal() and len(length) < 20 else None  # noqa: PLR2004
    try:
        taken = await service.workshop.uploads.receive(name, request.stream(), known)
    except TooLarge as error:
        raise Refused(413, str(error)) from None
    except DataError as error:
        raise Refused(422, str(error)) from None
    except ClientDisconnect:
        raise Refused(400, "the upload broke off; send it again") from None
    return Json(upload_as_dict(taken), 201)


@router.delete("/uploads/{name}")
async def remove(name: str, service: Here) -> Response:
    """Delete an upload that no job needs any more."""
    known_as = f"upload:{name}"
    if any(job.asked.data == known_as and not job.state.ended for job in service.workshop.jobs.listed()):
        raise Refused(409, "a job uses this upload; stop it first")
    if not await run_in_threadpool(service.workshop.uploads.remove, name):
        raise Refused(404, "there is no such upload")
    return Json({"removed": name})


def as_dict(entry: Entry) -> dict[str, object]:
    """An entry without its path."""
    return {
        "id": f"folder:{entry.id}",
        "key": entry.id,
        "name": entry.name,
        "folder": entry.folder,
        "within": entry.within,
    }


def upload_as_dict(one: Upload) -> dict[str, object]:
    """An upload without its path."""
    return {"id": f"upload:{one.id}", "key": one.id, "name": one.name, "files": one.files, "bytes": one.bytes}
