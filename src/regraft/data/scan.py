"""Look at every image in full, without a network."""

from dataclasses import replace

from regraft.data.decoding import Undecodable
from regraft.data.faults import odd_ones
from regraft.data.find import Data, find_images
from regraft.data.identity import Look, look_at
from regraft.data.images import Fault, ImageFile, ImageSet
from regraft.data.looks import GrowingLooks, Looks
from regraft.data.pixel_range import measured
from regraft.data.prefetch import map_ahead
from regraft.data.range_faults import Seen, depth_faults
from regraft.data.rendering import Depth
from regraft.data.whole_groups import told, whole_classes
from regraft.errors import DataError
from regraft.progress import Progress
from regraft.progress.shown import ShowProgress, shown
from regraft.recipe import Reading


def scan(data: Data, reading: Reading = Reading(), workers: int = 0, progress: ShowProgress = True) -> ImageSet:
    """Find the images and decode each in full; broken ones are left out, and all that is odd is among the faults.

    ``data``: a folder, a table, an archive, shards, a data set or an ImageSet. ``workers``: threads, 0 for one a
    processor. Raises DataError where nothing can be used.
    """
    if workers < 0:
        raise DataError(f"--workers is {workers}; it must be 0 or more")
    with shown(progress) as shows:
        listed = find_images(data, reading, progress=shows)
        images = replace(measured(listed, reading, workers), faults=listed.faults)  # all are looked at here, not some
        warnings = told(whole_classes(listed), shows)
        looks, broken, depths = look_at_all(images, reading, workers, shows)
        if deep := depths.unknown:
            unknown = [file for file in images.files if file.name in deep]
            images = replace(measured(listed, reading, workers, unknown), faults=listed.faults)
            looks, broken, depths = look_at_all(images, reading, workers, shows)
    images = images.without(tuple(broken)) if broken else images
    images = images.saying(warnings)
    return images.noting((*depth_faults(depths, images.rendering), *odd_ones(images, looks)))


def look_at_all(
    images: ImageSet, reading: Reading, workers: int, progress: Progress
) -> tuple[Looks, list[Fault], Seen]:
    """The looks at all images that can be decoded, why the others cannot, and how deep those are."""

    def look(file: ImageFile) -> tuple[Look, Depth | None] | Fault:
        try:
            seen, decoded = look_at(file.content, reading.max_pixels, images.rendering)
        except Undecodable as error:
            return Fault(file.name, error.kind, str(error))
        return seen, decoded.depth  # and no image, of which many would wait

    looks, depths = GrowingLooks(), Seen()
    broken: list[Fault] = []
    for done, (file, seen) in enumerate(map_ahead(look, images.files, workers), 1):
        if isinstance(seen, Fault):
            broken.append(seen)
        else:
            looks.add(seen[0])
            depths.add(file.name, seen[1])
        progress("Reading every image", done, len(images.files), "images")
    return looks.looks(), broken, depths
