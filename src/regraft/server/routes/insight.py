"""What a run says beyond its answer: heat maps, training images, thresholds, its report."""

import io
import re
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from regraft.server import thresholds
from regraft.server.answers import Json
from regraft.server.looks import Look
from regraft.server.predicting import check, given
from regraft.server.refused import Refused
from regraft.server.served import Opened
from regraft.server.service import Here, Service
from regraft.server.uploads import upload_of

router = APIRouter(include_in_schema=False)

KEPT = {"Cache-Control": "private, max-age=300"}
SCRIPT = re.compile("<script>.*?</script>", re.DOTALL)  # which opens what is folded before printing: not let run here
OF_A_REPORT = {  # it is one file, whose styles and pictures are in it
    "Content-Security-Policy": (
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline';"
        " img-src data:; frame-ancestors 'self'"
    ),
    "X-Frame-Options": "SAMEORIGIN",
}


async def looked_at(service: Service, name: str) -> Look:
    """What is made of a run on request."""
    served = service.runs.named(name)
    return service.looks.of(served.name, await service.opened(served))


@router.post("/models/{name}/heat-map")
async def heat_map(
    request: Request, name: str, service: Here, label: Annotated[int, Query(alias="class", ge=0)]
) -> Response:
    """Where in an image the run finds what speaks for a class, by its number."""
    with service.gate.entered() as held:
        look = await looked_at(service, name)
        if label >= len(look.opened.classifier.classes):
            raise Refused(422, f"there is no class {label}; there are {len(look.opened.classifier.classes)}, from 0")
        upload = await upload_of(request, service.settings, held)
        read = await run_in_threadpool(look.opened.ready.read, "the image", given(upload.data))
        check(read, None)
        assert read.pixels is not None, "an image without a fault has pixels"
        return Json(await run_in_threadpool(look.heat_maps.of, read.pixels, label))


@router.get("/models/{name}/training-images/{place}")
async def training_image(name: str, place: int, service: Here) -> Response:
    """A training image by its place in the run's list, downscaled."""
    look = await looked_at(service, name)
    image = await run_in_threadpool(look.training_images.picture, place)
    data = io.BytesIO()
    image.save(data, "JPEG", quality=82)
    return Response(data.getvalue(), media_type="image/jpeg", headers=KEPT)


async def classes_of(service: Service, name: str) -> Opened:
    """A run that is open."""
    return await service.opened(service.runs.named(name))


@router.get("/models/{name}/thresholds")
async def overview(name: str, service: Here) -> Response:
    """How many images of each class were held out."""
    opened = await classes_of(service, name)
    assert opened.classifier.folder, "a run that is served comes from a folder"
    judged = await run_in_threadpool(thresholds.held_out, opened.classifier.folder, opened.classifier.classes)
    return Json(thresholds.overview(judged, opened.classifier.classes))


@router.get("/models/{name}/thresholds/{place}")
async def scores(name: str, place: str, service: Here) -> Response:
    """A class's probabilities on the held-out images; "any" in its place: those of the likeliest class."""
    opened = await classes_of(service, name)
    assert opened.classifier.folder, "a run that is served comes from a folder"
    judged = await run_in_threadpool(thresholds.held_out, opened.classifier.folder, opened.classifier.classes)
    return Json(thresholds.scores(judged, opened.classifier.classes, place))


@router.get("/models/{name}/report")
def report(name: str, service: Here) -> Response:
    """The run's report, which may do nothing but be looked at."""
    path = service.runs.named(name).folder / "report.html"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        raise Refused(404, f"the run '{name}' has no report that can be read") from None
    return Response(SCRIPT.sub("", text), media_type="text/html", headers=OF_A_REPORT)
