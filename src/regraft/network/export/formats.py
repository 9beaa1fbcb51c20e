"""All formats, by the names that --to takes."""

from collections.abc import Sequence

from regraft.errors import RecipeError
from regraft.network.export import hub_folder, onnx, openvino, timm, torch_export, triton
from regraft.network.export.format import Format

MODULES = (openvino, onnx, torch_export, timm, hub_folder, triton)
FORMATS = {module.FORMAT.name: module.FORMAT for module in MODULES}


def formats_named(to: str | Sequence[str]) -> tuple[Format, ...]:
    """The formats, each once; RecipeError for one that is unknown, or that needs what is not installed.

    ``to``: names, or a text of them with commas between.
    """
    names = [name.strip() for name in (to.split(",") if isinstance(to, str) else to)]
    if not names:
        raise RecipeError(f"no format to export to was named; there are {', '.join(FORMATS)}")
    for name in names:
        if name not in FORMATS:
            raise RecipeError(f"there is no export to '{name[:40]}'; there are {', '.join(FORMATS)}")
        if missing := FORMATS[name].missing:
            install = FORMATS[name].install
            raise RecipeError(f'export to {name} needs {missing}, which is not installed; pip install "{install}"')
    return tuple(FORMATS[name] for name in dict.fromkeys(names))
