"""Look at every image in full, without a network."""

from regraft.data.content import Look, look_at
from regraft.data.decoding import Undecodable
from regraft.data.faults import odd_ones
from regraft.data.find import Data, find_images
from regraft.data.images import Fault, ImageFile, ImageSet
from regraft.data.prefetch import map_ahead
from regraft.errors import DataError
from regraft.progress import Progress, silent
from regraft.recipe import Reading


def scan(data: Data, reading: Reading = Reading(), workers: int = 0, progress: Progress = silent) -> ImageSet:
    """Find the images and decode each in full; broken ones are left out, and all that is odd is among the faults.

    ``data``: anything that find_images takes. ``workers``: threads, 0 for one a processor. Raises DataError where
    nothing can be used.
    """
    if workers < 0:
        raise DataError(f"--workers is {workers}; it must be 0 or more")
    listed = find_images(data, reading)

    def look(file: ImageFile) -> Look | Fault:
        try:
            return look_at(file.content, reading.max_pixels)
        except Undecodable as error:
            return Fault(file.name, error.kind, str(error))

    looks: list[Look] = []
    broken: list[Fault] = []
    for done, (_, seen) in enumerate(map_ahead(look, listed.files, workers), 1):
        if isinstance(seen, Fault):
            broken.append(seen)
        else:
            looks.append(seen)
        progress("Reading every image", done, len(listed.files))
    images = listed.without(tuple(broken)) if broken else listed
    return images.noting(odd_ones(images, looks))
